"""What is to be checked: a range of time, or the entries that a publisher was told of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import redis
from pydantic import BaseModel, ConfigDict

from schemas.errors import DataError
from schemas.streams import Streams
from transport.entries import EntryId

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|min|m|h|d)")
_UNIT_MS = {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_ENTRY_ID = re.compile(r"\d+(?:-\d+)?")


def parse_moment(text: str, now_ms: int) -> EntryId:
    """Where a range begins or ends: ``15min`` ago, ``2026-11-20T12:00:00Z``, or an entry id.

    Args:
        text: a duration (ms, s, min, h, d), an ISO 8601 time (UTC where it has no offset), or an entry id.
        now_ms: Redis's clock.

    Raises:
        DataError: it is none of these.
    """
    if found := _DURATION.fullmatch(text):
        return EntryId(max(now_ms - int(float(found[1]) * _UNIT_MS[found[2]]), 0), 0)
    if _ENTRY_ID.fullmatch(text):
        return EntryId.parse(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise DataError(f"{text!r} is no moment: a duration (15min), an ISO time or an entry id is needed") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return EntryId(int(moment.timestamp() * 1000), 0)


def read_receipts(lines: Iterable[str], source: str) -> Iterator[str]:
    """The entry ids of a file of receipts: one a line, bare or as JSON with ``entry`` or ``id``; blank lines pass.

    Args:
        lines: as `tasador publish --receipts` writes them, or anybody else.
        source: what the lines come from, for messages.

    Raises:
        DataError: a line holds no entry id.
    """
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text:
            continue
        entry_id = _of_json(text) if text.startswith("{") else text
        if not isinstance(entry_id, str) or not _ENTRY_ID.fullmatch(entry_id):
            raise DataError(f"{source} line {number}: no entry id in {text[:80]!r}")
        yield str(EntryId.parse(entry_id))


def _of_json(text: str) -> object:
    try:
        receipt = json.loads(text)
    except json.JSONDecodeError:
        return None
    return receipt.get("entry") or receipt.get("id")


class Sight(BaseModel):
    """What of the listings can still be seen.

    Attributes:
        first_listing: the oldest entry that is kept; None where there is none.
        last_listing: the newest.
        listings_trimmed: how many were trimmed, as counted by the product.
    """

    model_config = ConfigDict(frozen=True)

    first_listing: str | None
    last_listing: str | None
    listings_trimmed: int


def sight_of(client: redis.Redis, streams: Streams) -> Sight:
    """Look at both ends of the stream."""
    first: Any = client.xrange(streams.listings, count=1)
    last: Any = client.xrevrange(streams.listings, count=1)
    trimmed: Any = client.hget(streams.progress, "trimmed")
    ends = [end[0][0].decode() if end else None for end in (first, last)]
    return Sight(first_listing=ends[0], last_listing=ends[1], listings_trimmed=int(trimmed or 0))
