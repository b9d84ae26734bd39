"""The check that every listing got exactly one outcome: a prediction, a dead letter, or a counted drop of a repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import redis
from pydantic import BaseModel, ConfigDict

from schemas.streams import Streams
from transport.answers import Kind, find_answers
from transport.reading import scan

SHOWN = 20
"""Ids that a verdict's sentence names at most."""


class Verdict(BaseModel):
    """What became of some entries of `listings`.

    Attributes:
        entries: how many were looked for.
        outcomes: how many outcomes were found, by kind; a dead letter that an operator has resolved still counts.
        waiting: entries without an outcome that are undelivered or pending: they will get one.
        lost: entries without an outcome that nobody will answer.
        doubled: entries with more than one outcome, each with the kinds it got.
        unseen: entries without an outcome that are as old as answers which have been trimmed: nothing can be said.
        visible_from: the oldest entry id of which everything can be said; None where no answers were trimmed.
    """

    model_config = ConfigDict(frozen=True)

    entries: int
    outcomes: dict[Kind, int]
    waiting: int = 0
    lost: tuple[str, ...] = ()
    doubled: dict[str, tuple[Kind, ...]] = {}
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
            f"{self.unseen} older than the answers that are kept (from {self.visible_from})" if self.unseen else "",
        ]
        return f"of {self.entries} listings " + ", ".join(problem for problem in problems if problem)


def _some(ids: Iterable[str]) -> str:
    named = list(ids)
    return f" ({', '.join(named[:SHOWN])}{', …' if len(named) > SHOWN else ''})"


def verify(client: redis.Redis, streams: Streams, entry_ids: Iterable[str]) -> Verdict:
    """Look for the outcome of each entry; memory grows with the entries asked for, not with the streams.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        entry_ids: as publishing returned them, or from `published`.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    found = find_answers(client, streams, entry_ids)
    return Verdict(
        entries=len(found.kinds),
        outcomes=dict(Counter(kind for kinds in found.kinds.values() for kind in kinds)),
        waiting=len(found.waiting),
        lost=found.lost,
        doubled={entry_id: kinds for entry_id, kinds in found.kinds.items() if len(kinds) > 1},
        unseen=len(found.unseen),
        visible_from=str(found.visible_from) if found.visible_from else None,
    )


def published(client: redis.Redis, streams: Streams, first: str = "-", last: str = "+") -> Iterator[str]:
    """The ids of the entries that `listings` still holds in a range, oldest first."""
    return (entry_id.decode() for entry_id, _ in scan(client, streams.listings, first, last))
