"""Messages about the progress of a training, for a callback that the caller passes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from service.activity import RunningActivity

Progress = Callable[[str], None]
"""Called with a message about the progress."""


class ProgressStep(str):
    """A message with counts, from which the caller can draw a progress bar.

    Attributes:
        name: of the task.
        done: steps completed so far.
        total: largest possible number of steps.
    """

    __slots__ = ("done", "name", "total")
    name: str
    done: int
    total: int

    def __new__(cls, name: str, done: int, total: int, suffix: str = "") -> Self:
        """Build the message; `suffix` is appended to it."""
        step = super().__new__(cls, f"{name}: {done} of {total}{suffix}")
        step.name, step.done, step.total = name, done, total
        return step


class ProgressPhase(str):
    """The name of the phase of a training that begins: ingest, validate, train, evaluate, report, register or gate."""

    __slots__ = ()


def note_progress(activity: RunningActivity, message: str) -> None:
    """Show a message in an activity: as its phase, or as the detail of the phase."""
    if isinstance(message, ProgressPhase):
        activity.enter(message)
    else:
        activity.report(message)


def discard_progress(_: str) -> None:
    """Discard progress messages."""
