"""What a check finds wrong: counted all, kept only some, so that a disaster fits in memory."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict

KEPT = 1000
"""Problems of one kind that are kept to be listed."""


class Problem(BaseModel):
    """One thing wrong.

    Attributes:
        kind: lost, doubled, late, activation, order, window or counts.
        entry: the entry it is about; None where it is about a key.
        message: what is wrong with it.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    entry: str | None
    message: str


@dataclass
class Problems:
    """Collects what is wrong.

    Attributes:
        kept: to be listed.
        counts: how many there are, by kind.
    """

    kept: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, entry: str | None, message: str) -> None:
        """Note one."""
        self.counts[kind] += 1
        if self.counts[kind] <= KEPT:
            self.kept.append(Problem(kind=kind, entry=entry, message=message))
