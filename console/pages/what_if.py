"""The form of what-if: features of a listing with other values, and what the active model would answer."""

from __future__ import annotations

from nicegui import ui
from redis.exceptions import RedisError

from console.pages.controls import button, choice
from console.pages.texts import LiveHtml, heading, html
from console.pages.visit import Visit
from console.pages.what_if_texts import MISSING, about, answer_text, problem_text, range_text, value_text
from explainer.finding import PredictedRow
from explainer.what_if import ask_explainer, changed_listing
from schemas.errors import TasadorError
from schemas.features import Feature
from schemas.what_if import WhatIfAnswer


class WhatIfForm:
    """The form of one listing, drawn where it is built.

    Args:
        visit: the page.
        row: of the listing, as it was scored.
    """

    def __init__(self, visit: Visit, row: PredictedRow) -> None:
        self._visit = visit
        self._row = row
        self._unchanged: WhatIfAnswer | None = None
        heading("What if")
        html(about())
        self._texts = {each.column: value_text(row.features[each.column]) for each in visit.shown.domain.features}
        with ui.element("div").classes("form-grid"):
            self._fields = {each.column: self._field(each) for each in visit.shown.domain.features}
        with ui.element("div").classes("row-of"):
            self._ask = button("What if?", self._show, "primary")
            button("As it was", self._reset)
        self._answer = LiveHtml().labelled("What would be answered")

    def _field(self, feature: Feature) -> ui.select | ui.input:
        text = self._texts[feature.column]
        if feature.categories:
            options = [*feature.categories, *([MISSING] if feature.may_miss else [])]
            return choice(feature.column, options, text or MISSING)
        made = ui.input(feature.column, value=text).props(
            f'outlined dense inputmode=decimal hint="{range_text(feature)}"'
        )
        made.on("keydown.enter", self._show)
        return made

    def _changes(self) -> dict[str, str]:
        """The features whose value is another one, by name."""
        typed = {name: str(each.value or "").strip() for name, each in self._fields.items()}
        typed = {name: "" if text == MISSING else text for name, text in typed.items()}
        return {name: text for name, text in typed.items() if text != self._texts[name]}

    def _reset(self) -> None:
        for name, each in self._fields.items():
            each.set_value(self._texts[name] or (MISSING if isinstance(each, ui.select) else ""))

    async def _show(self) -> None:
        if not self._visit.console.may_read(self._visit.request, self._visit.name):
            self._answer.show(problem_text("Your session has ended: log in again."))
            return
        changes = self._changes()
        self._ask.disable()
        self._answer.show(problem_text("Asking …", "muted"))
        try:
            # the version that predicted may not be the one that answers now, so both are asked of it
            self._unchanged = await self._ask_for({})
            found = await self._ask_for(changes) if changes else self._unchanged
            self._answer.show(answer_text(self._row, changes, found, self._unchanged))
        except (TasadorError, RedisError, OSError) as error:
            self._answer.show(problem_text(str(error)))
        finally:
            self._ask.enable()

    async def _ask_for(self, changes: dict[str, str]) -> WhatIfAnswer:
        shown = self._visit.shown
        return await ask_explainer(shown.client, shown.settings, changed_listing(shown.domain, self._row, changes))
