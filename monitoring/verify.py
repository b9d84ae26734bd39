"""The check that every listing got exactly one outcome: a prediction, a dead letter, or a counted drop of a repeat."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Any, Literal

import msgspec
import redis
from pydantic import BaseModel, ConfigDict

from monitoring.reading import last_delivered, now_ms, pending, scan
from schemas.streams import DATA_FIELD, Streams
from transport.entries import EntryId

SHOWN = 20
"""Ids that a verdict's sentence names at most."""

Kind = Literal["prediction", "dead_letter", "repeat"]


class _Answer(msgspec.Struct):
    id: str


_decode = msgspec.json.Decoder(_Answer).decode


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
    found: dict[str, tuple[Kind, ...]] = dict.fromkeys(entry_ids, ())
    # asked before the answers are read: what has no answer then and did not wait now was not answered in between
    waiting = set(_waiting(client, streams, found))
    oldest = min(map(EntryId.parse, found), default=None)
    # an answer is younger than its listing, unless the clock was set back in between
    _search(client, streams, found, first=str(oldest) if oldest else "+")
    if oldest and not all(found.values()):
        _search(client, streams, found, last=f"({oldest}")
    missing = {entry_id for entry_id, kinds in found.items() if not kinds}
    waiting &= missing
    visible_from = _visible_from(client, streams)
    unseen = {each for each in missing - waiting if visible_from and EntryId.parse(each) < visible_from}
    return Verdict(
        entries=len(found),
        outcomes=dict(Counter(kind for kinds in found.values() for kind in kinds)),
        waiting=len(waiting),
        lost=tuple(sorted(missing - waiting - unseen, key=EntryId.parse)),
        doubled={entry_id: kinds for entry_id, kinds in found.items() if len(kinds) > 1},
        unseen=len(unseen),
        visible_from=str(visible_from) if visible_from else None,
    )


def published(client: redis.Redis, streams: Streams, first: str = "-", last: str = "+") -> Iterator[str]:
    """The ids of the entries that `listings` still holds in a range, oldest first."""
    return (entry_id.decode() for entry_id, _ in scan(client, streams.listings, first, last))


def _search(
    client: redis.Redis, streams: Streams, found: dict[str, tuple[Kind, ...]], first: str = "-", last: str = "+"
) -> None:
    """Note every outcome of these entries that lies in a range of the answers."""
    for kind, key in _answer_streams(streams):
        for _, fields in scan(client, key, first, last):
            answered = _decode(fields[DATA_FIELD]).id
            if answered in found:
                found[answered] += (kind,)


def _answer_streams(streams: Streams) -> tuple[tuple[Kind, str], ...]:
    return (
        ("prediction", streams.predictions),
        ("dead_letter", streams.dead_letters),
        ("dead_letter", streams.resolutions),
        ("repeat", streams.repeats),
        ("dead_letter", streams.rate_limited),
    )


def _waiting(client: redis.Redis, streams: Streams, asked: Collection[str]) -> Iterator[str]:
    """Those of the entries that are undelivered or pending."""
    delivered = last_delivered(client, streams)
    yield from (entry_id for entry_id in asked if EntryId.parse(entry_id) > delivered)
    yield from (entry_id for each in pending(client, streams) if (entry_id := each.decode()) in asked)


def _visible_from(client: redis.Redis, streams: Streams) -> EntryId | None:
    """The oldest id from which no answer was trimmed, if any was: fewer are kept than were counted."""
    progress: Any = client.hmget(streams.progress, "scored", "refused", "repeats")
    letters = (streams.dead_letters, streams.rate_limited)
    # what an operator resolved may have come from either
    kept = ((streams.predictions,), (*letters, streams.resolutions), (streams.repeats,))
    firsts: list[EntryId] = []
    for keys, counted in zip(kept, progress, strict=True):
        if sum(map(client.xlen, keys)) < int(counted or 0):
            oldest = [entry for key in keys if key != streams.resolutions for entry in islice(scan(client, key), 1)]
            firsts += [EntryId.parse(entry_id) for entry_id, _ in oldest] or [EntryId(now_ms(client), 0)]
    return max(firsts, default=None)
