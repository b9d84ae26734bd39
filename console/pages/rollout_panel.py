"""The part of the view of the models about the rollout: what runs, and what operators can do about it."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from console.pages.confirming import ActionPlan, confirm
from console.pages.controls import button, choice
from console.pages.rollout_actions import (
    MODES,
    STEPS,
    UNCHANGED,
    RolloutWish,
    adjust_plan,
    promote_challenger_plan,
    start_plan,
    stop_plan,
)
from console.pages.rollout_texts import rollout_facts
from console.pages.texts import LiveHtml, heading
from console.pages.visit import Visit
from operations.rollouts import RolloutStatus
from schemas.rollouts import DesiredRollout


class RolloutPanel:
    """The rollout's facts, and its controls: those to start one, or those of the one that runs.

    Args:
        visit: the page.
        chosen: the version that the view has chosen; None without versions.
    """

    def __init__(self, visit: Visit, chosen: Callable[[], str | None]) -> None:
        self._visit = visit
        self._chosen = chosen
        self._rollout: DesiredRollout | None = None
        heading("Rollout")
        self._facts = LiveHtml(classes="card")
        self._begin = ui.element("div").classes("row-of")
        self._change = ui.element("div").classes("row-of")
        if visit.operator:
            with self._begin:
                first = _WishControls([*MODES, STEPS])
                button("Start a rollout of the chosen version …", lambda: self._start(first.wish()))
            with self._change:
                later = _WishControls([UNCHANGED, *MODES])
                button("Adjust …", lambda: self._ask(lambda rollout: adjust_plan(visit, rollout, later.wish())))
                button("Stop …", lambda: self._ask(lambda rollout: stop_plan(visit, rollout)))
                button("Promote the challenger …", lambda: self._ask(lambda one: promote_challenger_plan(visit, one)))
        self._change.set_visibility(False)

    def show(self, status: RolloutStatus) -> None:
        """Show what runs, and the controls that apply."""
        self._rollout = status.rollout
        self._facts.show(rollout_facts(status))
        self._begin.set_visibility(self._rollout is None)
        self._change.set_visibility(self._rollout is not None)

    def _start(self, wish: RolloutWish) -> None:
        if version := self._chosen():
            confirm(self._visit, start_plan(self._visit, version, wish))

    def _ask(self, make: Callable[[DesiredRollout], ActionPlan]) -> None:
        if self._rollout is not None:
            confirm(self._visit, make(self._rollout))


class _WishControls:
    """Mode, share and end, as an operator chooses them."""

    def __init__(self, modes: list[str]) -> None:
        self._mode = choice("Mode", modes, modes[0])
        self._share = ui.number("Share, 0 to 1", min=0, max=1, step=0.05).props("outlined dense")
        self._until = ui.input("Until", placeholder="7d, 12h or a time").props("outlined dense")

    def wish(self) -> RolloutWish:
        return RolloutWish(self._mode.value, self._share.value, (self._until.value or "").strip())
