"""The view of the models: training, versions, rollout, comparison, the gate's reports and the history."""

from __future__ import annotations

import asyncio
from itertools import islice

from markupsafe import Markup
from nicegui import background_tasks, ui
from redis.exceptions import RedisError

from console.pages.confirming import ActionPlan, confirm
from console.pages.controls import button, choice, login_hint
from console.pages.model_actions import (
    cancel_plan,
    pause_plan,
    promote_plan,
    reload_plan,
    resume_plan,
    retrain_plan,
    rollback_plan,
)
from console.pages.model_texts import comparison, gate_table, history_table, training_text, versions_table
from console.pages.rollout_panel import RolloutPanel
from console.pages.texts import LiveHtml, heading
from console.pages.visit import Visit
from operations.history import recorded_changes
from operations.serving import Serving
from registry.versions import ModelVersionInfo
from schemas.errors import TasadorError

_CHANGES = 20


class ModelsView:
    """The parts of the view; what the registry holds is read again when an event or a worker tells of a change.

    Args:
        visit: the page.
    """

    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._infos: dict[str, ModelVersionInfo] = {}
        self._seen: list[object] = []
        self._problem = LiveHtml()
        self._training = LiveHtml(classes="card")
        self._versions = LiveHtml(classes="card")
        with ui.element("div").classes("row-of"):
            self._chosen = choice("Version")
            button("Show the gate's report", self._show_gate)
            if visit.operator:
                button("Promote …", lambda: self._ask(promote_plan(visit, self._chosen.value)))
                button("Reload …", lambda: self._ask(reload_plan(visit, self._chosen.value)))
        with ui.element("div").classes("row-of"):
            if visit.operator:
                button("Roll back …", lambda: self._ask(rollback_plan(visit)))
                button("Retrain …", lambda: self._ask(retrain_plan(visit)))
                button("Cancel the training …", lambda: self._ask(cancel_plan(visit)))
                button("Pause the loop …", lambda: self._ask(pause_plan(visit)))
                button("Resume the loop …", lambda: self._ask(resume_plan(visit)))
            else:
                login_hint(visit)
        self._gate = LiveHtml(classes="card")
        self._gate.show(Markup('<p class="empty">The gate\'s report on the chosen version is shown here.</p>'))
        self._rollout = RolloutPanel(visit, lambda: self._chosen.value)
        heading("Compare")
        with ui.element("div").classes("row-of"):
            self._first, self._second = choice("This version"), choice("With this version")
        self._comparison = LiveHtml(classes="card")
        heading("History")
        self._history = LiveHtml(classes="card")
        for select in (self._first, self._second):
            select.on_value_change(self._compare)
        visit.follow(self._show)

    def _ask(self, plan: ActionPlan) -> None:
        confirm(self._visit, plan)

    def _show(self) -> None:
        if (state := self._visit.shown.watch.state) is None:
            return
        self._training.show(training_text(state.status))
        self._rollout.show(state.rollout)
        now: list[object] = [state.status.serving, state.status.registry, state.events[:1]]
        if now != self._seen:
            self._seen = now
            background_tasks.create(self._load(), name="versions")

    async def _load(self) -> None:
        shown = self._visit.shown
        try:
            infos = await shown.catalogue.versions()
            changes = await asyncio.to_thread(
                lambda: list(islice(recorded_changes(shown.operations_client, shown.streams), _CHANGES))
            )
        except RedisError:
            self._seen = []  # the header says so; tried again after the next reading
            return
        except (TasadorError, OSError) as error:
            self._problem.show(Markup('<p class="problem" role="alert">{}</p>').format(error))
            return
        self._problem.show(Markup(""))
        state = shown.watch.state
        self._infos = {info.version: info for info in infos}
        self._versions.show(versions_table(infos, state.status.serving if state else Serving()))
        self._history.show(history_table(changes))
        self._offer()
        self._compare()

    def _offer(self) -> None:
        """Offer all versions; at first the newest one, and it beside the one before."""
        names = list(self._infos)
        for select, place in ((self._chosen, 0), (self._first, 1), (self._second, 0)):
            first = names[min(place, len(names) - 1)] if names else None
            select.set_options(names, value=select.value if select.value in self._infos else first)

    def _compare(self) -> None:
        pair = [self._infos[each.value] for each in (self._first, self._second) if each.value in self._infos]
        self._comparison.show(comparison(pair))

    async def _show_gate(self) -> None:
        version = self._chosen.value
        self._gate.show(Markup('<p class="empty">Reading the report …</p>'))
        try:
            report = await self._visit.shown.catalogue.gate_report(version)
        except (TasadorError, OSError) as error:
            self._gate.show(Markup('<p class="bad">{}</p>').format(error))
        else:
            self._gate.show(gate_table(version, report))
