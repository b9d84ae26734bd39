"""Checks that every listing got exactly one outcome: a prediction, a dead letter, or a counted drop of a repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import redis
from pydantic import Field

from schemas.frozen_model import FrozenModel
from schemas.shards import entry_name, split_entry
from schemas.streams import Streams
from transport.answers import OutcomeKind, find_answers
from transport.entries import EntryId
from transport.reading import scan
from transport.shards import read_layout

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


def verify(client: redis.Redis, streams: Streams, entries: Iterable[str]) -> OutcomeVerdict:
    """Find the outcome of each entry; memory grows with the given entries, not with the streams.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        entries: as publishing returned them, or from `published`.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    ids = by_shard(entries) or {0: []}
    return join_verdicts({number: verify_shard(client, streams.of_shard(number), ids[number]) for number in ids})


def verify_shard(client: redis.Redis, streams: Streams, entry_ids: Iterable[str]) -> OutcomeVerdict:
    """As `verify`, for the ids of entries of one shard, whose keys are given."""
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


def join_verdicts(verdicts: Mapping[int, OutcomeVerdict]) -> OutcomeVerdict:
    """The verdict of a domain, from those of its shards by number."""
    outcomes: Counter[OutcomeKind] = Counter()
    for verdict in verdicts.values():
        outcomes.update(verdict.outcomes)
    visible = [EntryId.parse(one.visible_from) for one in verdicts.values() if one.visible_from]
    return OutcomeVerdict(
        entries=sum(one.entries for one in verdicts.values()),
        outcomes=dict(outcomes),
        waiting=sum(one.waiting for one in verdicts.values()),
        lost=tuple(entry_name(number, entry_id) for number, one in verdicts.items() for entry_id in one.lost),
        doubled={
            entry_name(number, entry_id): kinds
            for number, one in verdicts.items()
            for entry_id, kinds in one.doubled.items()
        },
        unseen=sum(one.unseen for one in verdicts.values()),
        visible_from=str(max(visible)) if visible else None,
    )


def by_shard(entries: Iterable[str]) -> dict[int, list[str]]:
    """The ids of entries by the number of their shard."""
    ids: dict[int, list[str]] = {}
    for entry in entries:
        number, entry_id = split_entry(entry)
        ids.setdefault(number, []).append(entry_id)
    return ids


def published(client: redis.Redis, streams: Streams, first: str = "-", last: str = "+") -> Iterator[str]:
    """The entries that the `listings` of all shards still hold in a range, oldest first in each."""
    for shard in read_layout(client, streams).streams(streams):
        for entry_id, _ in scan(client, shard.listings, first, last):
            yield entry_name(shard.shard, entry_id.decode())
