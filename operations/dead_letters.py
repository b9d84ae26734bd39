"""Dead letters as operators handle them: read, replay, drop."""

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
from schemas.streams import DATA_FIELD, Streams
from transport.clock import now_ms
from transport.entries import EntryId
from transport.moments import parse_range
from transport.reading import entry_at, newest, scan, scan_back
from transport.scripts import Script

_RESOLVE = Script("operations", "resolve")
_ResolutionType = Literal["listing.replayed", "listing.dropped"]


class KeptLetter(NamedTuple):
    """A dead letter and its entry id."""

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
        self._key = streams.rate_limited if is_rate_limited else streams.dead_letters

    def newest(self, reason: Reason | None = None) -> Iterator[KeptLetter]:
        """The dead letters, newest first; of one reason if given."""
        for entry_id, fields in scan_back(self._client, self._key):
            letter = KeptLetter(entry_id.decode(), DeadLetter.model_validate_json(fields[DATA_FIELD]))
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
        if not (newest_entries := newest(self._client, self._key, 1)):
            return
        end = newest_entries[0][0].decode()
        if last != "+" and EntryId.parse(last) < EntryId.parse(end):
            end = last
        for entry_id, fields in scan(self._client, self._key, first, end):
            letter = KeptLetter(entry_id.decode(), DeadLetter.model_validate_json(fields[DATA_FIELD]))
            data = letter.event.data
            if (reason is None or data.reason is reason) and (source is None or data.listing_source == source):
                yield letter

    def read(self, entry_id: str) -> KeptLetter:
        """The dead letter with an entry id.

        Raises:
            DeadLetterError: it does not exist.
        """
        try:
            entry = entry_at(self._client, self._key, entry_id)
        except redis.exceptions.ResponseError as error:
            raise DeadLetterError(f"{entry_id!r} is not an entry id such as 1795219101518-0") from error
        if entry is None:
            raise DeadLetterError(f"no dead letter {entry_id}: it was replayed, dropped or trimmed, or never existed")
        return KeptLetter(entry[0].decode(), DeadLetter.model_validate_json(entry[1][DATA_FIELD]))

    def replay(self, entry_id: str, actor: str) -> str:
        """Publish a dead letter's payload again and delete the letter, atomically; returns the new entry id.

        Raises:
            DeadLetterError: it does not exist, or its payload was not kept in full.
        """
        letter = self.read(entry_id)
        return self.replay_as(letter, payload_of_letter(letter), actor)

    def replay_as(self, letter: KeptLetter, payload: bytes, actor: str) -> str:
        """Publish a payload in place of a dead letter and delete it, atomically; returns the new entry id.

        Raises:
            DeadLetterError: it was replayed, dropped or trimmed meanwhile.
        """
        return self._resolve(letter, "listing.replayed", actor, payload)

    def drop(self, entry_id: str, actor: str) -> None:
        """Delete a dead letter for good.

        Raises:
            DeadLetterError: it does not exist.
        """
        self._resolve(self.read(entry_id), "listing.dropped", actor)

    def _resolve(self, letter: KeptLetter, event_type: _ResolutionType, actor: str, *payload: bytes) -> str:
        resolution = _resolution(letter, event_type, actor).model_dump_json()
        keys = (self._key, self._streams.listings, self._streams.resolutions)
        arguments: tuple[Any, ...] = (letter.entry_id, resolution, self._kept_resolutions, *payload)
        new_entry: Any = _RESOLVE.run(self._client, keys, arguments)
        if new_entry is None:
            raise DeadLetterError(f"no dead letter {letter.entry_id} any more: it was resolved or trimmed meanwhile")
        return str(new_entry.decode())


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
