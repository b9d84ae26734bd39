"""Predicted identities when the number of shards changes: each is added to the shard that its repeats will go to.

They stay where they were as well, and are forgotten there in time. Which shard a repeat goes to depends on the subject
of its listing, which an identity does not have and its prediction does. Where that was trimmed, every shard gets it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec
import redis

from schemas.shards import ShardLayout, listing_key, split_entry
from schemas.streams import DATA_FIELD, Streams
from transport.scripts import Script

CHUNK = 500
"""Identities that are looked up and added at once."""

_ADD = Script("operations", "add_identities")


class _Envelope(msgspec.Struct):
    subject: str | None = None


_decode = msgspec.json.Decoder(_Envelope).decode
_identity = msgspec.json.Decoder(tuple[str, str]).decode


@dataclass(frozen=True)
class IdentityMover:
    """Adds the identities of all shards to those of a new layout.

    Attributes:
        client: replies must be bytes.
        streams: the domain's keys.
        kept_s: for how long identities are kept, in s.
    """

    client: redis.Redis
    streams: Streams
    kept_s: int

    def move(self, layout: ShardLayout, count: int) -> Iterator[int]:
        """Add what each shard that is read knows to where it belongs if there are `count` shards.

        Yields:
            After each chunk, how many identities were added to a shard.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        for shard in layout.streams(self.streams):
            # the newer ones first: what a shard knows already stays
            for key in (shard.dedup_current, shard.dedup_previous):
                known: Iterator[tuple[bytes, bytes]] = self.client.hscan_iter(key, count=CHUNK)
                while chunk := dict(islice(known, CHUNK)):
                    yield self._add(shard, chunk, count)

    def _add(self, shard: Streams, chunk: Mapping[bytes, bytes], count: int) -> int:
        """Add a chunk of one shard's identities to the others."""
        added: dict[int, list[bytes]] = defaultdict(list)
        for (identity, first), subject in zip(chunk.items(), self._subjects(shard, chunk), strict=True):
            home, entry_id = _first_of(shard, first)
            source, listing_id = _identity(identity)
            is_lost = subject is None
            for target in range(count) if is_lost else (listing_key(subject, source, listing_id) % count,):
                if target != shard.shard:
                    is_there = home == target or not entry_id
                    added[target] += [identity, (entry_id if is_there else f"{entry_id}@{home}").encode()]
        for target, pairs in added.items():
            other = self.streams.of_shard(target)
            keys = (other.dedup_current, other.dedup_previous, other.dedup_rotated)
            _ADD.run(self.client, keys, (self.kept_s, *pairs))
        return sum(map(len, added.values())) // 2

    def _subjects(self, shard: Streams, chunk: Mapping[bytes, bytes]) -> list[str | None]:
        """The subject of each identity's listing, "" where it has none; None where its prediction is not known."""
        firsts = [_first_of(shard, first) for first in chunk.values()]
        subjects: list[str | None] = [None] * len(firsts)
        for home in {home for home, entry_id in firsts if entry_id}:
            places = [place for place, (own, entry_id) in enumerate(firsts) if own == home and entry_id]
            pipeline = self.client.pipeline(transaction=False)
            for place in places:
                pipeline.xrange(self.streams.of_shard(home).predictions, firsts[place][1], firsts[place][1])
            replies: Any = pipeline.execute()
            for place, entries in zip(places, replies, strict=True):
                if entries:
                    subjects[place] = _decode(entries[0][1][DATA_FIELD]).subject or ""
        return subjects


def _first_of(shard: Streams, first: bytes) -> tuple[int, str]:
    """The shard and the id of an identity's prediction; an empty id where it is not known."""
    text = first.decode()
    return split_entry(text) if "@" in text else (shard.shard, text)
