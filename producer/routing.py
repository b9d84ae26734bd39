"""The shards of a publisher: how many there are, and which one each event of a chunk goes to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from producer.wire import failure
from schemas.errors import PublishError
from schemas.shards import ShardLayout, entry_name, shard_of
from schemas.streams import Streams

LEASE_S = 1.0
"""What was read of the layout is trusted for this time. Whoever changes it waits longer, so no chunk begins to be sent
by a layout that is no longer true."""


class ShardChunk(NamedTuple):
    """The events of a chunk that go to one shard.

    Attributes:
        streams: the shard's keys.
        places: of the events in the chunk.
        payloads: the events, in the chunk's order.
    """

    streams: Streams
    places: Sequence[int]
    payloads: list[bytes]


class ShardRouter:
    """Knows the layout of one domain, as it was last read.

    Args:
        streams: the domain's keys.

    Attributes:
        layout: how many shards there are.
        is_held: whether publishers must wait, because that number is being changed.
    """

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._due_s = 0.0
        self.layout = ShardLayout()
        self.is_held = False

    def is_due(self, now_s: float) -> bool:
        """Whether the layout must be read before the next chunk."""
        return self.is_held or now_s >= self._due_s

    def note(self, layout: ShardLayout | None, *, is_held: bool, asked_s: float) -> None:
        """Take over what was read; without a layout the known one stays, for its hash may have been deleted.

        Args:
            layout: as Redis has it; None if there is none.
            is_held: whether the number of shards is being changed.
            asked_s: when the question was sent, by the clock of `is_due`.
        """
        self.layout = layout or self.layout
        self.is_held = is_held
        self._due_s = asked_s + LEASE_S

    @property
    def shards(self) -> Sequence[Streams]:
        """The keys of each shard that gets listings or may still hold some."""
        return self.layout.streams(self._streams)

    def split(self, chunk: list[bytes]) -> list[ShardChunk]:
        """The parts of a chunk by shard; listings of one subject, and of one identity, stay in their order."""
        count = self.layout.count
        if count == 1:
            return [ShardChunk(self._streams, range(len(chunk)), chunk)]
        places: list[list[int]] = [[] for _ in range(count)]
        for place, payload in enumerate(chunk):
            places[shard_of(payload, count)].append(place)
        return [
            ShardChunk(self._streams.of_shard(shard), own, [chunk[place] for place in own])
            for shard, own in enumerate(places)
            if own
        ]


def join_parts(url: str, parts: Sequence[ShardChunk], results: Sequence[Sequence[str] | PublishError]) -> list[str]:
    """The names of a chunk's entries in its order.

    Args:
        url: of Redis, for the message.
        parts: of the chunk.
        results: for each of the first parts its entry ids or the error about it; the others were not sent.

    Raises:
        PublishInterruptedError: the connection to a shard broke, or it cannot be written now.
        PublishError: Redis rejected listings permanently.
    """
    error = next((result for result in results if isinstance(result, PublishError)), None)
    if error is None:
        return _names_in_order(parts, [result for result in results if not isinstance(result, PublishError)])
    names: dict[int, str] = {}
    unconfirmed: dict[int, bytes] = {}
    for number, part in enumerate(parts):
        result = results[number] if number < len(results) else ()
        confirmed, lost = (result.entry_ids, result.unconfirmed) if isinstance(result, PublishError) else (result, ())
        missing = set(map(id, lost if confirmed or lost else part.payloads))
        remaining = iter(confirmed)
        for place, payload in zip(part.places, part.payloads, strict=True):
            if id(payload) in missing:
                unconfirmed[place] = payload
            else:
                names[place] = entry_name(part.streams.shard, next(remaining))
    ordered = [names[place] for place in sorted(names)]
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    raise failure(url, cause, ordered, [unconfirmed[place] for place in sorted(unconfirmed)]) from error


def _names_in_order(parts: Sequence[ShardChunk], results: Sequence[Sequence[str]]) -> list[str]:
    names = [""] * sum(len(part.payloads) for part in parts)
    for part, entry_ids in zip(parts, results, strict=True):
        shard = part.streams.shard
        for place, entry_id in zip(part.places, entry_ids, strict=True):
            names[place] = entry_name(shard, entry_id)
    return names
