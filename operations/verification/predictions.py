"""One pass over the predictions: whether each names an activation that existed, and since when others wait in vain."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import msgspec
import redis

from operations.verification.problems import Problems
from schemas.stamp import Stamp
from schemas.states import DesiredModel
from schemas.streams import DATA_FIELD, SCORERS, Streams
from transport.entries import EntryId
from transport.reading import Entry, scan

_PENDING_CHUNK = 1000
_ASKING_MS = 1000
"""What may lie between asking for the time and for what is pending."""


class PredictedValue(msgspec.Struct):
    """What a check reads of a prediction's data."""

    prediction: float | str
    model: Stamp


class Predicted(msgspec.Struct):
    """What a check reads of a prediction."""

    id: str
    data: PredictedValue


decode_prediction = msgspec.json.Decoder(Predicted).decode


class _ModelEvent(msgspec.Struct):
    type: str
    data: dict[str, Any] = {}


_decode_event = msgspec.json.Decoder(_ModelEvent).decode


def known_activations(client: redis.Redis, streams: Streams) -> dict[str, str]:
    """Every activation that there was, with its version; model events are never trimmed."""
    known: dict[str, str] = {}
    for entry_id, fields in scan(client, streams.model_events):
        event = _decode_event(fields[DATA_FIELD])
        if event.type == "model.activated":
            known[entry_id.decode()] = str(event.data.get("version"))
    stored: Any = client.hgetall(streams.model)
    if desired := DesiredModel.from_hash(stored):
        known[desired.activation] = desired.version
    return known


def check_predictions(
    entries: Iterator[Entry], asked: Collection[str], activations: dict[str, str], problems: Problems
) -> Iterator[tuple[EntryId, int]]:
    """Check the stamps of the predictions of what is asked.

    Yields:
        Of every prediction, the listing's entry and when it was answered in ms.
    """
    for written, fields in entries:
        prediction = decode_prediction(fields[DATA_FIELD])
        if prediction.id in asked:
            stamp = prediction.data.model
            if stamp.activation not in activations:
                problems.add("activation", prediction.id, f"its activation {stamp.activation} never was")
            elif stamp.version != activations[stamp.activation]:
                was = f"version {activations[stamp.activation]}, not {stamp.version}"
                problems.add("activation", prediction.id, f"its activation {stamp.activation} was of {was}")
        yield EntryId.parse(prediction.id), EntryId.parse(written).ms


class Waiters:
    """Pending entries, and since when at the latest each has been.

    A delivery has no date in Redis: `XPENDING` tells since when nobody has claimed or renewed an entry, which a
    consumer that hangs may do for ever. But entries are delivered in their order, so one that is older than an answered
    one has been pending at least since that answer was written.
    """

    def __init__(self, client: redis.Redis, streams: Streams, now_ms: int) -> None:
        self._since: dict[EntryId, int] = {}
        self._next = 0
        first = "-"
        while held := _pending_range(client, streams, first):
            for each in held:
                entry_id = EntryId.parse(each["message_id"])
                since_ms = now_ms - int(each["time_since_delivered"])
                # a rebuilt group makes entries pending as if they had been for a day, so that they are claimed at once
                is_made_up = since_ms + _ASKING_MS < entry_id.ms
                self._since[entry_id] = now_ms if is_made_up else max(since_ms, entry_id.ms)
            first = f"({held[-1]['message_id'].decode()}"
        self._ids = list(self._since)

    def passed_by(self, answered: EntryId, at_ms: int) -> None:
        """An entry was answered; those before it were pending by then. Call it in the order of the answers."""
        while self._next < len(self._ids) and self._ids[self._next] < answered:
            waiting = self._ids[self._next]
            self._since[waiting] = min(self._since[waiting], at_ms)
            self._next += 1

    def late(self, now_ms: int, allowed_ms: int) -> Iterator[tuple[str, int]]:
        """Entries that are pending for too long, and for how many ms at least."""
        for entry_id, since_ms in self._since.items():
            if now_ms - since_ms > allowed_ms:
                yield str(entry_id), now_ms - since_ms


def _pending_range(client: redis.Redis, streams: Streams, first: str) -> list[dict[str, Any]]:
    try:
        reply: Any = client.xpending_range(streams.listings, SCORERS, first, "+", _PENDING_CHUNK)
    except redis.exceptions.ResponseError as error:
        if not str(error).startswith("NOGROUP"):
            raise
        return []
    return list(reply)
