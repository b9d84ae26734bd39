"""The events of a domain as they come: of models, of drift and quality, and of resolved dead letters."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import redis

from schemas.shards import entry_name
from schemas.streams import DATA_FIELD, Streams
from transport.entries import EntryId
from transport.reading import RawEntry, newest
from transport.watched_shards import WatchedShards

KEPT = 100
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class WatchedEvent:
    """One event, told in a line.

    Attributes:
        entry: name of its entry (`schemas.shards.entry_name`).
        at_ms: when, by Redis's clock.
        kind: the event's type.
        text: what it says besides.
    """

    entry: str
    at_ms: int
    kind: str
    text: str


class EventLog:
    """The newest events of a domain.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
    """

    def __init__(self, client: redis.Redis, streams: Streams) -> None:
        self._client = client
        self._shards = WatchedShards(client, streams)
        self._after: dict[str, str] = {}
        self._events: deque[WatchedEvent] = deque(maxlen=KEPT)

    def read(self) -> tuple[WatchedEvent, ...]:
        """All that are kept, newest first.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        told: list[WatchedEvent] = []
        for shard in self._shards.read():
            # the domain's own streams are on the server of the first shard, and perhaps on no other's
            own = () if shard.shard else (shard.model_events, shard.drift)
            for entries in self._read((*own, shard.resolutions)):
                told += [event for each in entries if (event := _event_of(shard.shard, *each))]
        self._events.extend(sorted(told, key=lambda event: event.at_ms))
        return tuple(reversed(self._events))

    def _read(self, keys: Sequence[str]) -> list[list[RawEntry]]:
        """What is new of streams on one server."""
        if keys[0] not in self._after:
            found = {key: newest(self._client, key, KEPT // 2)[::-1] for key in keys}
        else:
            after: Any = {key: self._after[key] for key in keys}
            reply: Any = self._client.xread(after, count=_AT_ONCE)
            found = {key.decode(): entries for key, entries in reply or ()}
        for key in keys:
            entries = found.get(key, [])
            self._after[key] = entries[-1][0].decode() if entries else self._after.get(key, "0-0")
        return list(found.values())


def _event_of(shard: int, entry_id: bytes, fields: dict[bytes, bytes]) -> WatchedEvent | None:
    try:
        event = json.loads(fields.get(DATA_FIELD, b""))
        kind, data = str(event["type"]), dict(event["data"])
    except (ValueError, KeyError, TypeError):
        return None  # a client may have added anything
    entry = entry_name(shard, entry_id.decode())
    return WatchedEvent(entry, EntryId.parse(entry_id).ms, kind, _text_of(kind, data))


def _text_of(kind: str, data: dict[str, Any]) -> str:
    if kind == "drift.reported":
        drifted = [str(each.get("name")) for each in data.get("columns", ()) if each.get("verdict") == "drift"]
        verdict = str(data.get("verdict", "")).replace("_", " ")
        return f"{verdict}: {', '.join(drifted)}" if drifted else verdict
    if kind == "quality.reported":
        spans = dict(data.get("spans") or {})
        parts = [part for part in spans.get("24h", ()) if part.get("part") == "all"]
        return f"{parts[0].get('labelled', 0)} outcomes in 24 h" if parts else ""
    words = [f"version {data['version']}"] if data.get("version") else []
    words += [str(data[name]) for name in ("consumer", "reason", "message") if data.get(name)]
    if kind.startswith("listing."):
        words.append(f"listing {data.get('listing_id')} by {data.get('actor')}")
    return ", ".join(words)
