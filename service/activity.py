"""What a process is doing now, beside its main loop: loading a model, training; its heartbeat shows it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from schemas.states import Activity

_LONGEST_DETAIL = 200


@dataclass
class RunningActivity:
    """One activity; the code that does it says how far it is.

    Attributes:
        what: in a few words, such as ``training``.
        command_id: of the command that it is done for.
    """

    what: str
    command_id: str | None = None
    _phase: str | None = None
    _detail: str | None = None
    _started_s: float = 0.0
    _phase_started_s: float = 0.0

    def __post_init__(self) -> None:
        self._started_s = time.monotonic()

    def enter(self, phase: str) -> None:
        """Note that another phase began."""
        self._phase, self._phase_started_s, self._detail = phase, time.monotonic(), None

    def report(self, detail: str) -> None:
        """Note how far the phase is."""
        self._detail = detail[:_LONGEST_DETAIL]

    def at(self, at_ms: int) -> Activity:
        """What the heartbeat shows, at this time of Redis's clock."""
        now_s = time.monotonic()
        return Activity(
            what=self.what,
            since_ms=at_ms - int((now_s - self._started_s) * 1000),
            phase=self._phase,
            phase_since_ms=at_ms - int((now_s - self._phase_started_s) * 1000) if self._phase else None,
            detail=self._detail,
            command_id=self.command_id,
        )


class Activities:
    """The activities of one process."""

    def __init__(self) -> None:
        self._running: list[RunningActivity] = []

    @contextmanager
    def doing(self, what: str, command_id: str | None = None) -> Iterator[RunningActivity]:
        """Show an activity for as long as the block runs."""
        activity = RunningActivity(what, command_id)
        self._running.append(activity)
        try:
            yield activity
        finally:
            self._running.remove(activity)

    def at(self, at_ms: int) -> tuple[Activity, ...]:
        """What the heartbeat shows, oldest first."""
        return tuple(activity.at(at_ms) for activity in self._running)
