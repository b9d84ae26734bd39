"""Collects the problems that verification finds: counts all, keeps at most `KEPT` of each kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from schemas.frozen_model import FrozenModel

KEPT = 1000
"""How many problems of one kind are kept."""


class Problem(FrozenModel):
    """One problem.

    Attributes:
        kind: lost, doubled, late, activation, arm, pair, order, window or counts; of the audit log: not logged,
            only logged, logged twice or logged differently.
        entry: the entry concerned; None where it concerns a key.
        message: what is wrong.
    """

    kind: str
    entry: str | None
    message: str


@dataclass
class Problems:
    """Collects problems.

    Attributes:
        kept: the first of each kind.
        counts: number of problems by kind.
    """

    kept: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, entry: str | None, message: str) -> None:
        """Count a problem, and keep it if there is room."""
        self.counts[kind] += 1
        if self.counts[kind] <= KEPT:
            self.kept.append(Problem(kind=kind, entry=entry, message=message))
