"""Entry ids that are ahead of Redis's clock: clients may choose ids, and a clock may be set back."""

from __future__ import annotations

from typing import Any

import redis

from schemas.streams import Streams
from transport.entries import EntryId

AHEAD_S = 5
"""How far entry ids may be ahead of Redis's clock before the status is degraded."""


def read_ahead_s(client: redis.Redis, streams: Streams, at_ms: int) -> float:
    """How far the last id of the listings is ahead of Redis's clock; entries that were trimmed count as well."""
    if not client.exists(streams.listings):
        return 0.0
    info: Any = client.xinfo_stream(streams.listings)
    return max(EntryId.parse(info["last-generated-id"]).ms - at_ms, 0) / 1000


def describe_ahead(ahead_s: float) -> str:
    """The reason why a status is degraded."""
    days, hours = divmod(ahead_s / 3600, 24)
    span = f"{days:,.0f} days" if days else f"{hours:.1f} h" if hours >= 1 else f"{ahead_s:.0f} s"
    return f"entry ids of listings are {span} ahead of Redis's clock: their ages and latencies are unknown"
