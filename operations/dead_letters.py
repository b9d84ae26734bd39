"""Dead letters as operators handle them: read, replay, drop, in all shards of a domain.

A letter is named by its shard and its entry id. A replayed listing goes to the shard of its key, which may be another
than the letter's, where the number of shards has changed or the key was corrected. Then two steps replay it: the
listing is published before the letter is deleted, so that a crash in between leaves the letter, and never loses the
listing.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import redis
import redis.exceptions

from schemas.errors import DeadLetterError
from schemas.events import DeadLetter, Resolution, ResolutionData
from schemas.refusals import Reason
from schemas.shards import entry_name, shard_of, split_entry
from schemas.streams import DATA_FIELD, Streams
from transport.clock import now_ms
from transport.entries import EntryId
from transport.moments import parse_range
from transport.reading import entry_at, newest
from transport.scripts import Script
from transport.sharded_reading import ShardEntry, scan_shards, scan_shards_back
from transport.watched_shards import WatchedShards

_RESOLVE = Script("operations", "resolve")
_ResolutionType = Literal["listing.replayed", "listing.dropped"]


class KeptLetter(NamedTuple):
    """A dead letter and the name of its entry (`schemas.shards.entry_name`)."""

    entry_id: str
    event: DeadLetter


class DeadLetters:
    """The dead letters of one domain.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        kept_resolutions: about how many records of replayed and dropped letters are kept.
        is_rate_limited: use the stream of listings refused by the rate limit instead of the dead letters.
    """

    def __init__(
        self,
        client: redis.Redis,
        streams: Streams,
        kept_resolutions: int = 1_000_000,
        *,
        is_rate_limited: bool = False,
    ) -> None:
        self._client = client
        self._streams = streams
        self._kept_resolutions = kept_resolutions
        self._is_rate_limited = is_rate_limited
        self._shards = WatchedShards(client, streams)

    def newest(self, reason: Reason | None = None) -> Iterator[KeptLetter]:
        """The dead letters, newest first; of one reason if given."""
        for entry in scan_shards_back(self._client, self._shards.read(), self._key):
            letter = _letter(entry)
            if reason is None or letter.event.data.reason is reason:
                yield letter

    def select(
        self,
        reason: Reason | None = None,
        source: str | None = None,
        since: str | None = None,
        until: str | None = None,
    ) -> Iterator[KeptLetter]:
        """The dead letters that exist now, oldest first, filtered by reason, source and time range.

        Letters refused during the iteration are left out, so that a listing that is replayed and refused again does not
        come up for ever.

        Raises:
            DataError: `since` or `until` is not a moment (see `transport.moments`).
        """
        first, last = parse_range(since, until, now_ms(self._client))
        shards = self._shards.read()
        ranges: dict[int, tuple[str, str]] = {}
        for shard in shards:
            for entry_id, _ in newest(self._client, self._key(shard), 1):
                end = entry_id.decode()
                is_earlier = last != "+" and EntryId.parse(last) < EntryId.parse(end)
                ranges[shard.shard] = (first, last if is_earlier else end)
        for entry in scan_shards(self._client, shards, self._key, ranges):
            letter = _letter(entry)
            data = letter.event.data
            if (reason is None or data.reason is reason) and (source is None or data.listing_source == source):
                yield letter

    def read(self, entry_id: str) -> KeptLetter:
        """The dead letter of an entry, by the entry's name.

        Raises:
            DeadLetterError: it does not exist.
        """
        try:
            shard, own_id = split_entry(entry_id)
            entry = entry_at(self._client, self._key(self._streams.of_shard(shard)), own_id)
        except (ValueError, redis.exceptions.ResponseError) as error:
            raise DeadLetterError(f"{entry_id!r} is not an entry id such as 1795219101518-0") from error
        if entry is None:
            raise DeadLetterError(f"no dead letter {entry_id}: it was replayed, dropped or trimmed, or never existed")
        return _letter(ShardEntry(shard, *entry))

    def replay(self, entry_id: str, actor: str) -> str:
        """Publish a dead letter's payload again and delete the letter; returns the name of the new entry.

        Raises:
            DeadLetterError: it does not exist, or its payload was not kept in full, or the number of shards is being
                changed.
        """
        letter = self.read(entry_id)
        return self.replay_as(letter, payload_of_letter(letter), actor)

    def replay_as(self, letter: KeptLetter, payload: bytes, actor: str) -> str:
        """Publish a payload in place of a dead letter and delete it; returns the name of the new entry.

        Both happen at once within a shard.

        Raises:
            DeadLetterError: it was replayed, dropped or trimmed meanwhile, or the number of shards is being changed.
        """
        count = self._shards.count()
        if count is None:
            raise DeadLetterError(
                f"dead letter {letter.entry_id} stays: the number of shards is being changed, replay it afterwards"
            )
        target = self._streams.of_shard(shard_of(payload, count))
        resolution = _resolution(letter, "listing.replayed", actor)
        if target.shard == split_entry(letter.entry_id)[0]:
            return entry_name(target.shard, self._resolve(letter, resolution, payload))
        entry: Any = self._client.xadd(target.listings, {DATA_FIELD: payload})
        published = entry_name(target.shard, entry.decode())
        self._resolve(letter, resolution.model_copy(update={"data": _with_entry(resolution.data, published)}))
        return published

    def drop(self, entry_id: str, actor: str) -> None:
        """Delete a dead letter for good.

        Raises:
            DeadLetterError: it does not exist.
        """
        letter = self.read(entry_id)
        self._resolve(letter, _resolution(letter, "listing.dropped", actor))

    def _key(self, shard: Streams) -> str:
        return shard.rate_limited if self._is_rate_limited else shard.dead_letters

    def _resolve(self, letter: KeptLetter, resolution: Resolution, *payload: bytes) -> str:
        number, entry_id = split_entry(letter.entry_id)
        shard = self._streams.of_shard(number)
        keys = (self._key(shard), shard.listings, shard.resolutions)
        suffix = entry_name(number, "")
        arguments: tuple[Any, ...] = (entry_id, resolution.model_dump_json(), self._kept_resolutions, suffix, *payload)
        new_entry: Any = _RESOLVE.run(self._client, keys, arguments)
        if new_entry is None:
            raise DeadLetterError(f"no dead letter {letter.entry_id} any more: it was resolved or trimmed meanwhile")
        return str(new_entry.decode())


def _letter(entry: ShardEntry) -> KeptLetter:
    return KeptLetter(entry.name, DeadLetter.model_validate_json(entry.fields[DATA_FIELD]))


def _with_entry(data: ResolutionData, entry: str) -> ResolutionData:
    return data.model_copy(update={"entry": entry})


def payload_of_letter(letter: KeptLetter) -> bytes:
    """The payload of a dead letter as it was published.

    Raises:
        DeadLetterError: it was not kept in full, or its entry held no event.
    """
    data = letter.event.data
    if data.reason is Reason.FOREIGN_ENTRY:
        raise DeadLetterError(f"dead letter {letter.entry_id} cannot be replayed: its entry held no event")
    if data.payload is None:
        raise DeadLetterError(f"dead letter {letter.entry_id} cannot be replayed: its payload was not kept")
    payload = base64.b64decode(data.payload) if data.payload_encoding == "base64" else data.payload.encode()
    if hashlib.sha256(payload).hexdigest() != data.payload_sha256:
        kept = f"{len(payload)} of {data.payload_bytes} bytes of its payload were kept"
        raise DeadLetterError(f"dead letter {letter.entry_id} cannot be replayed: only {kept}")
    return payload


def _resolution(letter: KeptLetter, event_type: _ResolutionType, actor: str) -> Resolution:
    event = letter.event
    return Resolution(
        id=event.id,
        source=event.source,
        type=event_type,
        time=datetime.now(UTC),
        data=ResolutionData(
            listing_id=event.data.listing_id,
            listing_source=event.data.listing_source,
            reason=event.data.reason,
            dead_letter=letter.entry_id,
            actor=actor,
        ),
    )
