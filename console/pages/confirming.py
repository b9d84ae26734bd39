"""The dialog that every action goes through: what it will do, why, and what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from markupsafe import Markup
from nicegui import ui
from redis.exceptions import RedisError

from console.pages.controls import button
from console.pages.texts import LiveHtml, heading, html
from console.pages.visit import Visit
from schemas.errors import TasadorError


@dataclass(frozen=True, slots=True)
class ActionPlan:
    """An action before it is confirmed.

    Attributes:
        title: what is done, as an order.
        effect: what it will do, in sentences.
        run: does it, given the operator, the reason and whether it is forced; returns what came of it.
        force: what forcing does, in a sentence; None for an action that cannot be forced. Forcing requires a reason.
        takes_reason: whether a reason is kept.
        is_reason_for_force: whether it is kept only of a forced action.
    """

    title: str
    effect: str
    run: Callable[[str, str, bool], Awaitable[str]]
    force: str | None = None
    takes_reason: bool = True
    is_reason_for_force: bool = False


def confirm(visit: Visit, plan: ActionPlan) -> None:
    """Show the plan, and carry it out when the operator confirms it."""
    with ui.dialog() as dialog, ui.element("div").classes("card dialog"):
        heading(plan.title)
        html(Markup("{}").format(plan.effect), tag="p")
        label = "Reason for forcing" if plan.is_reason_for_force else "Reason"
        reason = ui.input(label).props("outlined dense").classes("wide") if plan.takes_reason else None
        force = ui.checkbox(plan.force) if plan.force else None
        outcome = LiveHtml()

        async def act() -> None:
            operator = visit.operator
            why = (reason.value or "").strip() if reason else ""
            is_forced = bool(force.value) if force else False
            if operator is None:
                outcome.show(_told("Your session has ended: log in again.", "bad"))
            elif is_forced and not why:
                outcome.show(_told("Forcing requires a reason, which is kept.", "bad"))
            elif why and plan.is_reason_for_force and not is_forced:
                outcome.show(_told("A reason is kept only of a forced action: force it, or clear the reason.", "bad"))
            else:
                confirmed.disable()
                outcome.show(_told("Waiting for the answer …", "muted"))
                outcome.show(await _try(plan, operator, why, is_forced=is_forced))

        with ui.element("div").classes("row-of"):
            confirmed = button(plan.title, act, "primary")
            button("Close", dialog.close)

    dialog.on("hide", dialog.delete)
    dialog.open()


async def _try(plan: ActionPlan, operator: str, reason: str, *, is_forced: bool) -> Markup:
    try:
        return _told(await plan.run(operator, reason, is_forced), "good")
    except (TasadorError, RedisError, OSError) as error:
        return _told(str(error), "bad")


def _told(text: str, kind: str) -> Markup:
    return Markup('<p role="status" class="{}">{}</p>').format(kind, text)
