"""Finds the newest report that the monitor wrote about drift or quality."""

from __future__ import annotations

import json

import redis

from schemas.streams import DATA_FIELD, Streams
from transport.reading import scan_back


def newest_report(client: redis.Redis, streams: Streams, event_type: str) -> bytes | None:
    """The newest report of a type, such as `drift.reported`, as JSON; None where the monitor has written none."""
    for _, fields in scan_back(client, streams.drift):
        if json.loads(fields[DATA_FIELD])["type"] == event_type:
            return fields[DATA_FIELD]
    return None
