"""What verification covers: the entry ids in a publisher's receipts, and how much of `listings` is still kept."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import redis

from schemas.errors import DataError
from schemas.frozen_model import FrozenModel
from schemas.streams import Streams
from transport.entries import EntryId
from transport.moments import is_entry_id


def read_receipts(lines: Iterable[str], source: str) -> Iterator[str]:
    """The entry ids in receipts: one a line, bare or as JSON with ``entry`` or ``id``; blank lines are skipped.

    Args:
        lines: as `tasador publish --receipts` writes them.
        source: where the lines come from, for messages.

    Raises:
        DataError: a line holds no entry id.
    """
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text:
            continue
        entry_id = _id_in_json(text) if text.startswith("{") else text
        if not isinstance(entry_id, str) or not is_entry_id(entry_id):
            raise DataError(f"{source} line {number}: no entry id in {text[:80]!r}")
        yield str(EntryId.parse(entry_id))


def _id_in_json(text: str) -> object:
    try:
        receipt = json.loads(text)
    except json.JSONDecodeError:
        return None
    return receipt.get("entry") or receipt.get("id")


class Coverage(FrozenModel):
    """How much of `listings` is still kept.

    Attributes:
        first_listing: the oldest kept entry; None where there is none.
        last_listing: the newest entry; None where there is none.
        listings_trimmed: how many were trimmed.
    """

    first_listing: str | None
    last_listing: str | None
    listings_trimmed: int


def coverage_of(client: redis.Redis, streams: Streams) -> Coverage:
    """Read the coverage from both ends of the stream."""
    first: Any = client.xrange(streams.listings, count=1)
    last: Any = client.xrevrange(streams.listings, count=1)
    trimmed: Any = client.hget(streams.progress, "trimmed")
    ends = [end[0][0].decode() if end else None for end in (first, last)]
    return Coverage(first_listing=ends[0], last_listing=ends[1], listings_trimmed=int(trimmed or 0))
