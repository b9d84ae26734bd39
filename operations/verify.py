"""Checks that every listing got exactly one outcome: a prediction, a dead letter, or a counted drop of a repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import redis
from pydantic import Field

from schemas.frozen_model import FrozenModel
from schemas.streams import Streams
from transport.answers import OutcomeKind, find_answers
from transport.reading import scan

SHOWN = 20
"""How many ids a verdict's sentence names at most."""


class OutcomeVerdict(FrozenModel):
    """The outcomes of some entries of `listings`.

    Attributes:
        entries: how many were checked.
        outcomes: number of outcomes by kind; a dead letter that an operator has resolved still counts.
        waiting: entries without an outcome that are undelivered or pending: they will get one.
        lost: entries without an outcome that no consumer will answer.
        doubled: entries with more than one outcome, each with the kinds it got.
        unseen: entries without an outcome that are as old as trimmed answers: their outcome is unknown.
        visible_from: the oldest entry id whose outcome is certainly still visible; None where no answers were trimmed.
    """

    entries: int
    outcomes: dict[OutcomeKind, int]
    waiting: int = 0
    lost: tuple[str, ...] = ()
    doubled: dict[str, tuple[OutcomeKind, ...]] = Field(default_factory=dict)
    unseen: int = 0
    visible_from: str | None = None

    @property
    def is_kept(self) -> bool:
        """Whether each entry has exactly one outcome."""
        return not (self.waiting or self.lost or self.doubled or self.unseen)

    def __str__(self) -> str:
        if self.is_kept:
            return f"all {self.entries} listings got exactly one outcome"
        problems = [
            f"{len(self.lost)} lost{_some(self.lost)}" if self.lost else "",
            f"{len(self.doubled)} answered more than once{_some(self.doubled)}" if self.doubled else "",
            f"{self.waiting} still waiting" if self.waiting else "",
            f"{self.unseen} older than the kept answers (from {self.visible_from})" if self.unseen else "",
        ]
        return f"of {self.entries} listings " + ", ".join(problem for problem in problems if problem)


def _some(ids: Iterable[str]) -> str:
    named = list(ids)
    return f" ({', '.join(named[:SHOWN])}{', …' if len(named) > SHOWN else ''})"


def verify(client: redis.Redis, streams: Streams, entry_ids: Iterable[str]) -> OutcomeVerdict:
    """Find the outcome of each entry; memory grows with the given entries, not with the streams.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        entry_ids: as publishing returned them, or from `published`.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    answers = find_answers(client, streams, entry_ids)
    return OutcomeVerdict(
        entries=len(answers.kinds),
        outcomes=dict(Counter(kind for kinds in answers.kinds.values() for kind in kinds)),
        waiting=len(answers.waiting),
        lost=answers.lost,
        doubled={entry_id: kinds for entry_id, kinds in answers.kinds.items() if len(kinds) > 1},
        unseen=len(answers.unseen),
        visible_from=str(answers.visible_from) if answers.visible_from else None,
    )


def published(client: redis.Redis, streams: Streams, first: str = "-", last: str = "+") -> Iterator[str]:
    """Ids of the entries that `listings` still holds in a range, oldest first."""
    return (entry_id.decode() for entry_id, _ in scan(client, streams.listings, first, last))
