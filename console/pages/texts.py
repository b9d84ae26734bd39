"""Parts of a page that are plain HTML: sent again only when their text has changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Self, TypeGuard

from markupsafe import Markup
from nicegui import ui

GAP = "\u2013"
"""Stands where there is no value."""


class LiveHtml:
    """A part of a page whose text changes; the text must have been escaped, which `Markup` does.

    Args:
        tag: the element around it.
        classes: of that element.
    """

    def __init__(self, tag: str = "div", classes: str = "") -> None:
        self._element = ui.html("", sanitize=False, tag=tag).classes(classes)
        self._text = Markup("")

    def labelled(self, name: str) -> Self:
        """Name the part as a region, which reading programs announce when it changes."""
        self._element.props(f'role="region" aria-live="polite" aria-label="{name}"')
        return self

    def show(self, text: Markup) -> None:
        """Show a text, if it is another one."""
        if text != self._text:
            self._text = text
            self._element.set_content(str(text))


def html(text: Markup, tag: str = "div", classes: str = "") -> None:
    """A part that stays."""
    ui.html(str(text), sanitize=False, tag=tag).classes(classes)


def heading(text: str, level: int = 2) -> None:
    """A heading."""
    html(Markup("{}").format(text), tag=f"h{level}")


def table(columns: list[str], rows: list[list[object]], caption: str) -> Markup:
    """A table; cells that are `Markup` stay as they are, all others are escaped. Numbers are aligned to the right."""
    numbers = {place for row in rows for place, value in enumerate(row) if _is_number(value)}
    head = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(Markup(' class="number"') if place in numbers else "", name)
        for place, name in enumerate(columns)
    )
    body = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(_cell(value, is_number=place in numbers) for place, value in enumerate(row))
        )
        for row in rows
    )
    return Markup(
        '<div class="scroll" tabindex="0" role="region" aria-label="{0}"><table><caption class="hidden">{0}</caption>'
        "<thead><tr>{1}</tr></thead><tbody>{2}</tbody></table></div>"
    ).format(caption, head, body)


def facts(rows: list[tuple[str, object]], caption: str) -> Markup:
    """Names with their values; those without a value are left out."""
    body = Markup("").join(
        Markup('<tr><th scope="row">{}</th><td>{}</td></tr>').format(
            name, value if isinstance(value, Markup) else _text_of(value)
        )
        for name, value in rows
        if value not in {None, ""}
    )
    return Markup('<table class="facts"><caption class="hidden">{}</caption><tbody>{}</tbody></table>').format(
        caption, body
    )


def figure(value: float | None, digits: int = 4) -> str:
    """A number with that many significant digits, and thousands separated; a dash where there is none."""
    if value is None:
        return GAP
    if value == 0 or abs(value) >= 10 ** (digits - 1):
        return f"{value:,.0f}"
    return f"{value:,.{digits}g}"


def figure_or_text(value: object) -> str:
    """A number as a figure, anything else as it is."""
    return figure(value) if isinstance(value, int | float) else str(value)


def step_name(feature: str, value: object) -> str:
    """A feature with its value, as a step of an explanation."""
    return f"{feature} missing" if value is None else f"{feature} = {figure_or_text(value)}"


def range_of(data: Mapping[str, Any]) -> str:
    """The interval of a prediction, or its candidate classes; empty if it has none."""
    coverage = f" ({data.get('coverage') or 0:.0%})"
    if data.get("interval"):
        return " to ".join(map(figure_or_text, data["interval"])) + coverage
    return ", ".join(data["candidates"]) + coverage if data.get("candidates") else ""


def moment(at_ms: int) -> str:
    """A time of day in UTC, with the date where it is another day's."""
    then = datetime.fromtimestamp(at_ms / 1000, UTC)
    return f"{then:%H:%M:%S}" if then.date() == datetime.now(UTC).date() else f"{then:%Y-%m-%d %H:%M}"


def _cell(value: object, *, is_number: bool) -> Markup:
    text = GAP if value is None else value if isinstance(value, Markup) else _text_of(value)
    return Markup("<td{}>{}</td>").format(Markup(' class="number"') if is_number else "", text)


def _text_of(value: object) -> str:
    return figure(value) if _is_number(value) else str(value)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
