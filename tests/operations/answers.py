"""Writes answers to Redis as a consumer does, for tests that read them."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import redis

from consumer.answer_encoder import AnswerEncoder
from schemas.decoding import DecodedListing
from schemas.domain import load_domain
from schemas.errors import FieldError, RefusedListingError
from schemas.events import Repeat, RepeatData
from schemas.stamp import Stamp
from schemas.states import ConsumerHeartbeat, DesiredModel, MonitorHeartbeat, ProcessHeartbeat, TrainerHeartbeat
from schemas.streams import SCORERS, Streams

TIME = "2026-11-20T12:00:00Z"


def publish(client: redis.Redis, streams: Streams, count: int = 1) -> list[str]:
    """Add entries to `listings`; returns their ids."""
    ids = [client.xadd(streams.listings, {"data": json.dumps({"id": f"l-{i}"})}) for i in range(count)]
    return [str(entry_id.decode()) for entry_id in ids]  # type: ignore[union-attr]


def deliver(client: redis.Redis, streams: Streams, count: int) -> None:
    """Deliver the next entries to a consumer."""
    client.xreadgroup(SCORERS, "a1", {streams.listings: ">"}, count=count)


def predict(client: redis.Redis, streams: Streams, entry_id: str, value: float = 20.0, listing_id: str = "l-1") -> str:
    """Answer an entry with a prediction, and count it."""
    listing = DecodedListing(id=listing_id, data=None)
    event = _encoder().predictions([entry_id], TIME, [listing], [value], Stamp("7", "1-0"), {0: ["CRIM"]})
    client.hincrbyfloat(streams.progress, "prediction_sum", value)
    client.hincrbyfloat(streams.progress, "prediction_sum_squares", value * value)
    return _answer(client, streams, entry_id, streams.predictions, "scored", event)


def refuse(
    client: redis.Redis, streams: Streams, entry_id: str, payload: bytes | None = b"{", reason: str = "not_json"
) -> str:
    """Answer an entry with a dead letter, and count it."""
    refused = RefusedListingError(reason, (FieldError("RM", "must be a number"),), "l-2")
    event = _encoder().dead_letter(entry_id, TIME, refused, payload, 1, "a1")
    client.hincrby(streams.progress, f"refused:{reason}", 1)
    return _answer(client, streams, entry_id, streams.dead_letters, "refused", event)


def drop_repeat(client: redis.Redis, streams: Streams, entry_id: str) -> str:
    """Answer an entry as a repeat, and count it."""
    data = RepeatData(listing_id="l-3", listing_source="")
    event = Repeat(id=entry_id, source="tasador/housing", time=datetime.fromisoformat(TIME), data=data)
    return _answer(client, streams, entry_id, streams.repeats, "repeats", event.model_dump_json().encode())


def activate(client: redis.Redis, streams: Streams, version: str = "7", activation: str = "1-0") -> None:
    """Make a model the desired one."""
    model = DesiredModel(activation=activation, version=version, digest="d" * 64, uri="file:///models/7")
    fields: dict[Any, Any] = model.model_dump(exclude_none=True)
    client.hset(streams.model, mapping=fields)


def beat(client: redis.Redis, streams: Streams, name: str = "a1", silent_s: int = 0, **fields: Any) -> None:
    """Write a heartbeat, some seconds old, of a consumer that started a minute before."""
    at_ms = int(client.time()[0] * 1000) - silent_s * 1000
    given = {"version": "7", "activation": "1-0", "state": "running"} | fields
    heartbeat = ConsumerHeartbeat(
        name=name, instance="i", host="h", pid=1, started_ms=at_ms - 60_000, at_ms=at_ms, **given
    )
    client.hset(streams.consumers, name, heartbeat.model_dump_json())


def beat_as(client: redis.Redis, key: str, kind: type[ProcessHeartbeat], name: str, **fields: Any) -> None:
    """Write a fresh heartbeat of a process of any role."""
    at_ms = int(client.time()[0] * 1000)
    given = {"state": "running", "started_ms": at_ms - 60_000, "at_ms": at_ms} | fields
    client.hset(key, name, kind(name=name, instance="i", host="h", pid=1, **given).model_dump_json())


def run_beside(client: redis.Redis, streams: Streams, **trainer: Any) -> None:
    """Write the heartbeats of a training worker and of a monitor."""
    beat_as(client, streams.trainers, TrainerHeartbeat, "t1", **trainer)
    beat_as(client, streams.monitors, MonitorHeartbeat, "m1")


def _encoder() -> AnswerEncoder:
    return AnswerEncoder(load_domain("housing"), max_payload_bytes=100)


def _answer(client: redis.Redis, streams: Streams, entry_id: str, key: str, counter: str, event: bytes) -> str:
    client.hincrby(streams.progress, counter, 1)
    client.hincrby(streams.progress, "answered", 1)
    client.xack(streams.listings, SCORERS, entry_id)
    written = client.xadd(key, {"data": event})
    return str(written.decode())  # type: ignore[union-attr]
