"""A stopwatch for the stages of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter


class Stopwatch:
    """Measures stages by their names; runs from the moment it is made.

    Attributes:
        seconds: what each stage took so far.
    """

    def __init__(self) -> None:
        self._start = perf_counter()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure what the block takes; added up where a stage comes again."""
        start = perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - start

    @property
    def total(self) -> float:
        """Seconds since it was made."""
        return perf_counter() - self._start
