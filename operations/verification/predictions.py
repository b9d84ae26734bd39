"""One pass over the predictions: checks their activations, and finds out how long entries have been pending."""

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
from transport.reading import RawEntry, scan

_PENDING_CHUNK = 1000
_READ_MS = 1000
"""Time that may pass between reading the clock and reading the pending entries."""


class PredictedValue(msgspec.Struct):
    """The fields of a prediction's data that the check reads."""

    prediction: float | str
    model: Stamp
    listing_id: str = ""
    listing_source: str = ""


class Predicted(msgspec.Struct):
    """The fields of a prediction that the check reads."""

    id: str
    data: PredictedValue
    subject: str | None = None


decode_prediction = msgspec.json.Decoder(Predicted).decode


class _ModelEvent(msgspec.Struct):
    type: str
    data: dict[str, Any] = {}


_decode_event = msgspec.json.Decoder(_ModelEvent).decode


def known_activations(client: redis.Redis, streams: Streams) -> dict[str, str]:
    """Version of every activation so far, and of every challenger by its rollout; model events are never trimmed."""
    versions: dict[str, str] = {}
    for entry_id, fields in scan(client, streams.model_events):
        event = _decode_event(fields[DATA_FIELD])
        if event.type in {"model.activated", "rollout.started"}:
            versions[entry_id.decode()] = str(event.data.get("version"))
    stored: Any = client.hgetall(streams.model)
    if desired := DesiredModel.from_hash(stored):
        versions[desired.activation] = desired.version
    return versions


def check_predictions(
    entries: Iterator[RawEntry], checked_ids: Collection[str], activations: dict[str, str], problems: Problems
) -> Iterator[tuple[Predicted, EntryId]]:
    """Check the model stamps of the predictions of some listings against the `known_activations`.

    Yields:
        Every prediction, with its entry id.
    """
    for entry_id, fields in entries:
        prediction = decode_prediction(fields[DATA_FIELD])
        if prediction.id in checked_ids:
            stamp = prediction.data.model
            if stamp.activation not in activations:
                problems.add("activation", prediction.id, f"its activation {stamp.activation} never existed")
            elif stamp.version != activations[stamp.activation]:
                expected = activations[stamp.activation]
                message = f"its activation {stamp.activation} had version {expected}, not {stamp.version}"
                problems.add("activation", prediction.id, message)
        yield prediction, EntryId.parse(entry_id)


class PendingEntries:
    """Pending entries, each with the latest time at which it can have become pending.

    Redis does not keep the time of a first delivery: the idle time of `XPENDING` restarts with each claim and renewal,
    and a hanging consumer may renew for ever. But entries are delivered in order, so an entry older than an answered
    one has been pending at least since that answer was written.
    """

    def __init__(self, client: redis.Redis, streams: Streams, now_ms: int) -> None:
        self._since: dict[EntryId, int] = {}
        self._next = 0
        first = "-"
        while entries := _pending_range(client, streams, first):
            for entry in entries:
                entry_id = EntryId.parse(entry["message_id"])
                since_ms = now_ms - int(entry["time_since_delivered"])
                # a rebuilt group gives its pending entries an idle time of a day, so that they are claimed at once
                is_made_up = since_ms + _READ_MS < entry_id.ms <= now_ms
                # an id of the future does not say when the entry was written
                self._since[entry_id] = (
                    now_ms if is_made_up else since_ms if entry_id.ms > now_ms else max(since_ms, entry_id.ms)
                )
            first = f"({entries[-1]['message_id'].decode()}"
        self._ids = list(self._since)

    def note_answer(self, answered: EntryId, at_ms: int) -> None:
        """Take into account that an entry was answered at a time; call it in the order of the answers."""
        while self._next < len(self._ids) and self._ids[self._next] < answered:
            older = self._ids[self._next]
            self._since[older] = min(self._since[older], at_ms)
            self._next += 1

    def late(self, now_ms: int, allowed_ms: int) -> Iterator[tuple[str, int]]:
        """Entries that have been pending for longer than allowed, and for how many ms at least."""
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
