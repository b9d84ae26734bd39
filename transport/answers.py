"""The search for answers: which entries got which outcomes, and which will still get one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import msgspec
import redis

from schemas.streams import DATA_FIELD, Streams
from transport.clock import now_ms
from transport.entries import EntryId
from transport.reading import last_delivered, pending, scan

OutcomeKind = Literal["prediction", "dead_letter", "repeat"]


class _Answer(msgspec.Struct):
    id: str


_decode = msgspec.json.Decoder(_Answer).decode


def answered_entry(fields: dict[bytes, bytes]) -> str:
    """The entry id of the listing that an answer answers."""
    return _decode(fields[DATA_FIELD]).id


@dataclass(frozen=True, slots=True)
class FoundAnswers:
    """What was found for some entries of `listings`.

    Attributes:
        kinds: the outcomes of each entry by kind; a dead letter that an operator has resolved still counts.
        waiting: entries without an outcome that are undelivered or pending: they will get one.
        unseen: entries without an outcome that are as old as answers which were trimmed: nothing is known of them.
        lost: entries without an outcome that no consumer will answer, oldest first.
        visible_from: the oldest entry id of which everything is known; None where no answers were trimmed.
    """

    kinds: dict[str, tuple[OutcomeKind, ...]]
    waiting: frozenset[str]
    unseen: frozenset[str]
    lost: tuple[str, ...]
    visible_from: EntryId | None


def find_answers(client: redis.Redis, streams: Streams, entry_ids: Iterable[str]) -> FoundAnswers:
    """Look for the outcome of each entry; memory grows with the number of entries, not with the streams.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        entry_ids: of listings.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    kinds: dict[str, tuple[OutcomeKind, ...]] = dict.fromkeys(entry_ids, ())
    # read before the answers: an entry that has no answer then and did not wait now was not answered in between
    waiting = set(_waiting(client, streams, kinds))
    oldest = min(map(EntryId.parse, kinds), default=None)
    # an answer is younger than its listing, unless the clock was set back in between
    _search(client, streams, kinds, first=str(oldest) if oldest else "+")
    if oldest and not all(kinds.values()):
        _search(client, streams, kinds, last=f"({oldest}")
    missing = {entry_id for entry_id, found in kinds.items() if not found}
    waiting &= missing
    visible_from = _visible_from(client, streams)
    unseen = {each for each in missing - waiting if visible_from and EntryId.parse(each) < visible_from}
    lost = tuple(sorted(missing - waiting - unseen, key=EntryId.parse))
    return FoundAnswers(kinds, frozenset(waiting), frozenset(unseen), lost, visible_from)


def _search(
    client: redis.Redis, streams: Streams, kinds: dict[str, tuple[OutcomeKind, ...]], first: str = "-", last: str = "+"
) -> None:
    """Add every outcome of these entries that is in a range of the answers."""
    for kind, key in _answer_streams(streams):
        for _, fields in scan(client, key, first, last):
            answered = answered_entry(fields)
            if answered in kinds:
                kinds[answered] += (kind,)


def _answer_streams(streams: Streams) -> tuple[tuple[OutcomeKind, str], ...]:
    return (
        ("prediction", streams.predictions),
        ("dead_letter", streams.dead_letters),
        ("dead_letter", streams.resolutions),
        ("repeat", streams.repeats),
        ("dead_letter", streams.rate_limited),
    )


def _waiting(client: redis.Redis, streams: Streams, entries: dict[str, tuple[OutcomeKind, ...]]) -> Iterator[str]:
    """Those of the entries that are undelivered or pending."""
    delivered = last_delivered(client, streams)
    yield from (entry_id for entry_id in entries if EntryId.parse(entry_id) > delivered)
    yield from (entry_id for each in pending(client, streams) if (entry_id := each.decode()) in entries)


def _visible_from(client: redis.Redis, streams: Streams) -> EntryId | None:
    """The oldest id from which no answer was trimmed, if any was: fewer are kept than were counted."""
    progress: Any = client.hmget(streams.progress, "scored", "refused", "repeats")
    letters = (streams.dead_letters, streams.rate_limited)
    # a resolved dead letter may have come from either stream
    kept = ((streams.predictions,), (*letters, streams.resolutions), (streams.repeats,))
    firsts: list[EntryId] = []
    for keys, counted in zip(kept, progress, strict=True):
        if sum(map(client.xlen, keys)) < int(counted or 0):
            oldest = [entry for key in keys if key != streams.resolutions for entry in islice(scan(client, key), 1)]
            firsts += [EntryId.parse(entry_id) for entry_id, _ in oldest] or [EntryId(now_ms(client), 0)]
    return max(firsts, default=None)
