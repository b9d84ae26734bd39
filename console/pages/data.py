"""The view of the data: drift by feature over time, distributions, missing and unusual values, quality, and arms."""

from __future__ import annotations

import asyncio

from markupsafe import Markup
from nicegui import background_tasks, ui
from redis.exceptions import RedisError

from console.drift_log import ReportLog, read_reports, read_verdicts
from console.pages.controls import button
from console.pages.data_texts import distribution, drift_line, heat_row, quality_lines, quality_table, shares_table
from console.pages.rollout_texts import comparison_of_arms, verdicts_over_time
from console.pages.texts import LiveHtml, heading, html
from console.pages.visit import Visit


class DataView:
    """The parts of the view; reports are read again when the monitor has written one.

    Args:
        visit: the page.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._log = ReportLog()
        self._newest: str | None = None
        self._chosen: str | None = None
        heading("Drift")
        self._verdict = LiveHtml()
        self._map = ui.element("div").classes("card")
        self._distribution = LiveHtml(classes="card")
        self._distribution.show(Markup('<p class="empty">Choose a feature to see its distributions.</p>'))
        heading("Missing and unusual values")
        self._shares = LiveHtml(classes="card")
        heading("Quality")
        self._lines = LiveHtml(classes="card")
        self._quality = LiveHtml(classes="card")
        heading("Rollout")
        self._rollout = LiveHtml(classes="card")
        self._narrowing = LiveHtml()
        visit.follow(self._show)

    def _show(self) -> None:
        if (state := self._visit.shown.watch.state) is None:
            return
        self._rollout.show(comparison_of_arms(state.rollout))
        newest = next((each.entry for each in state.events if each.kind.endswith(".reported")), "none")
        if newest != self._newest:
            self._newest = newest
            background_tasks.create(self._load(), name="reports")

    async def _load(self) -> None:
        shown = self._visit.shown
        try:
            self._log = await asyncio.to_thread(read_reports, shown.operations_client, shown.streams)
            rollout = shown.watch.state.rollout.rollout if shown.watch.state else None
            verdicts = (
                await asyncio.to_thread(read_verdicts, shown.operations_client, shown.streams, rollout.id)
                if rollout
                else []
            )
        except (RedisError, OSError):
            self._newest = None  # the header says so; tried again after the next reading
            return
        self._narrowing.show(verdicts_over_time(verdicts))
        drift = self._log.drift
        self._verdict.show(drift_line(drift[-1][1] if drift else None))
        self._draw_map()
        if self._chosen:
            self._choose(self._chosen)
        self._shares.show(shares_table(drift[-1][1] if drift else None))
        self._lines.show(quality_lines(self._log.quality))
        self._quality.show(quality_table(self._log.quality[-1][1] if self._log.quality else None))

    def _draw_map(self) -> None:
        self._map.clear()
        with self._map:
            if not self._log.drift:
                html(Markup('<p class="empty">The monitor has reported nothing yet.</p>'))
                return
            html(
                Markup(
                    '<p class="muted">One column for each report, the newest on the right. The darker, the stronger is '
                    "the effect beside its limit; ! marks drift.</p>"
                )
            )
            settings = self._visit.shown.settings.drift
            for column in self._log.drift[-1][1].columns:
                with ui.element("div").classes("heat-row"):
                    button(column.name, lambda name=column.name: self._choose(name)).props(
                        f'aria-label="Show the distributions of {column.name}"'
                    )
                    html(heat_row(column.name, self._log.drift, settings), classes="grow")

    def _choose(self, name: str) -> None:
        self._chosen = name
        column = next((each for each in self._log.drift[-1][1].columns if each.name == name), None)
        if column is not None:
            self._distribution.show(distribution(column))
