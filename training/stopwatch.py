"""Measures how long the stages of a run take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from training.progress import Progress, ProgressPhase, discard_progress


class Stopwatch:
    """Measures stages by name, and the total time since it was created.

    Args:
        progress: called with the name of each stage when it begins.

    Attributes:
        seconds: duration of each stage so far.
    """

    def __init__(self, progress: Progress = discard_progress) -> None:
        self._progress = progress
        self._start = perf_counter()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure the block; repeated stages add up."""
        self._progress(ProgressPhase(name))
        start = perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - start

    @property
    def total(self) -> float:
        """Seconds since the stopwatch was created."""
        return perf_counter() - self._start
