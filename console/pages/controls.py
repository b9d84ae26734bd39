"""Buttons, choices and hints, as all views have them."""

from __future__ import annotations

from markupsafe import Markup
from nicegui import ui
from nicegui.events import ClickEventArguments, Handler

from console.pages.texts import html
from console.pages.visit import Visit


def button(text: str, on_click: Handler[ClickEventArguments], kind: str = "") -> ui.button:
    """A button; `kind` is `primary`, `danger` or empty."""
    made = ui.button(text, on_click=on_click, color=None).props("unelevated no-caps")
    return made.classes(f"act {kind}")


def choice(label: str, options: list[str] | None = None, value: str | None = None) -> ui.select:
    """One of some texts."""
    made = ui.select(options or [], value=value, label=label).props("outlined dense options-dense")
    return made.classes("choice")


def login_hint(visit: Visit) -> None:
    """What a page says instead of buttons to those who may only look."""
    html(Markup('<p class="empty"><a href="{}/login">Log in</a> as an operator to act.</p>').format(visit.console.path))
