"""The view of the dead letters: by reason and source, with the faulty fields, corrected and replayed."""

from __future__ import annotations

import asyncio
import time

from markupsafe import Markup
from nicegui import background_tasks, ui
from redis.exceptions import RedisError

from console.actions import actor_of
from console.letter_box import LetterBox, LetterOverview, readable_payload
from console.pages.confirming import ActionPlan, confirm
from console.pages.controls import button, choice, login_hint
from console.pages.letter_texts import counts_table, fields_table, letter_line
from console.pages.texts import LiveHtml, heading, html
from console.pages.visit import Visit
from operations.dead_letters import KeptLetter
from schemas.errors import DeadLetterError

_ANY = "any"
_PAUSE_S = 3.0
"""The list is read again after this time at the earliest, because each time thousands of letters are counted."""


class LettersView:
    """The parts of the view.

    Args:
        visit: the page.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._box: LetterBox = visit.shown.letters
        self._seen: tuple[int, int] | None = None
        self._read_s = 0.0
        self._counts = LiveHtml(classes="card")
        with ui.element("div").classes("row-of"):
            self._reason, self._source = choice("Reason", [_ANY], _ANY), choice("Source", [_ANY], _ANY)
            if visit.operator:
                button("Replay all of this reason …", self._ask_for_all)
        self._list = ui.element("div").classes("card")
        heading("One dead letter")
        self._one = ui.element("div").classes("card").props('id="one-letter" tabindex="-1"')
        with self._one:
            html(Markup('<p class="empty">Open one in the list.</p>'))
            if not visit.operator:
                login_hint(visit)
        for select in (self._reason, self._source):
            select.on_value_change(self._load)
        visit.follow(self._show)

    def _show(self) -> None:
        if (state := self._visit.shown.watch.state) is None:
            return
        kept = (state.status.dead_letters_kept, state.status.rate_limited_kept)
        if kept != self._seen and time.monotonic() - self._read_s > _PAUSE_S:
            self._seen, self._read_s = kept, time.monotonic()
            background_tasks.create(self._load(), name="dead letters")

    async def _load(self) -> None:
        reason, source = (None if each.value == _ANY else each.value for each in (self._reason, self._source))
        try:
            read = await asyncio.to_thread(self._box.read, reason, source)
        except RedisError:
            self._seen = None  # the header says so; tried again after the next reading
            return
        self._counts.show(counts_table(read))
        self._offer(read)
        self._list.clear()
        with self._list:
            if not read.letters:
                html(Markup('<p class="empty">There is none.</p>'))
            for letter in read.letters:
                with ui.element("div").classes("row-of letter"):
                    button("Open", lambda letter=letter: self._open(letter)).props(
                        f'aria-label="Open dead letter {letter.entry_id}"'
                    )
                    html(letter_line(letter), classes="grow")

    def _offer(self, read: LetterOverview) -> None:
        for select, found in ((self._reason, read.reasons), (self._source, read.sources)):
            options = [_ANY, *(name for name, _ in found)]
            if options != select.options and select.value in options:
                select.set_options(options)

    def _open(self, letter: KeptLetter) -> None:
        ui.run_javascript('document.getElementById("one-letter").focus()')  # scrolls there, too
        self._one.clear()
        with self._one:
            html(fields_table(letter))
            try:
                text = readable_payload(letter)
            except DeadLetterError as error:
                html(Markup('<p class="empty">{}</p>').format(error))
                return
            if not self._visit.operator:
                html(Markup("<pre>{}</pre>").format(text))
                login_hint(self._visit)
                return
            editor = ui.textarea("Payload", value=text).props("outlined autogrow input-class=code").classes("wide")
            with ui.element("div").classes("row-of"):
                button(
                    "Replay …", lambda: confirm(self._visit, self._replay_plan(letter, editor.value or "")), "primary"
                )
                button("Drop …", lambda: confirm(self._visit, self._drop_plan(letter)), "danger")

    def _replay_plan(self, letter: KeptLetter, text: str) -> ActionPlan:
        async def run(operator: str, _: str, __: bool) -> str:  # noqa: FBT001 - as every action
            entry = await asyncio.to_thread(self._box.replay, letter, text, actor_of(operator))
            self._seen = None
            return f"Published again as entry {entry}."

        effect = (
            "The payload, as it stands in the editor, is published as a listing and the dead letter is deleted, in one "
            "step. It is checked first: what would be refused again stays."
        )
        return ActionPlan("Replay the letter", effect, run, takes_reason=False)

    def _drop_plan(self, letter: KeptLetter) -> ActionPlan:
        async def run(operator: str, _: str, __: bool) -> str:  # noqa: FBT001 - as every action
            await asyncio.to_thread(self._box.drop, letter, actor_of(operator))
            self._seen = None
            return "Dropped."

        effect = f"Dead letter {letter.entry_id} is deleted for good. Its listing stays unanswered, as it was refused."
        return ActionPlan("Drop the letter", effect, run, takes_reason=False)

    def _ask_for_all(self) -> None:
        reason, source = self._reason.value, None if self._source.value == _ANY else self._source.value
        if reason == _ANY:
            ui.notify("Choose a reason first.", color="dark")
            return

        async def run(operator: str, _: str, __: bool) -> str:  # noqa: FBT001 - as every action
            done, left = await asyncio.to_thread(self._box.replay_all, reason, source, actor_of(operator))
            self._seen = None
            return f"{done} replayed" + (f", {left} cannot be and stay." if left else ".")

        effect = (
            f"Every dead letter of the reason {reason}" + (f" from {source}" if source else "") + " is published again "
            "as it was. What is still wrong is refused again: do this after the cause has been mended."
        )
        confirm(self._visit, ActionPlan(f"Replay all: {reason}", effect, run, takes_reason=False))
