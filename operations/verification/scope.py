"""What verification covers: the entry ids in a publisher's receipts, and how much of `listings` is still kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import redis

from schemas.errors import DataError
from schemas.frozen_model import FrozenModel
from schemas.shards import entry_name
from schemas.streams import Streams
from transport.entries import EntryId
from transport.shards import read_layout

_ENTRY = re.compile(r"(\d+(?:-\d+)?)(?:@(\d+))?")


def read_receipts(lines: Iterable[str], source: str) -> Iterator[str]:
    """The entries in receipts: one a line, bare or as JSON with ``entry`` or ``id``; blank lines are skipped.

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
        if not isinstance(entry_id, str) or not (found := _ENTRY.fullmatch(entry_id)):
            raise DataError(f"{source} line {number}: no entry id in {text[:80]!r}")
        yield entry_name(int(found[2] or 0), str(EntryId.parse(found[1])))


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
    """Read the coverage from both ends of the stream of each shard."""
    firsts: list[tuple[EntryId, str]] = []
    lasts: list[tuple[EntryId, str]] = []
    trimmed = 0
    for shard in read_layout(client, streams).streams(streams):
        for found, reply in (
            (firsts, client.xrange(shard.listings, count=1)),
            (lasts, client.xrevrange(shard.listings, count=1)),
        ):
            ids: Any = reply
            found += [(EntryId.parse(entry_id), entry_name(shard.shard, entry_id.decode())) for entry_id, _ in ids]
        counted: Any = client.hget(shard.progress, "trimmed")
        trimmed += int(counted or 0)
    return Coverage(
        first_listing=min(firsts)[1] if firsts else None,
        last_listing=max(lasts)[1] if lasts else None,
        listings_trimmed=trimmed,
    )
