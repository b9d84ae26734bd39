"""Checks the window against the predictions: each of its entries was committed atomically with a batch of them."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import redis

from operations.verification.predictions import Predicted, decode_prediction
from operations.verification.problems import Problems
from schemas.domain import Domain
from schemas.streams import DATA_FIELD, Streams
from schemas.window import layout_of, unpack_rows
from transport.entries import EntryId
from transport.reading import RawEntry

SUM_TOLERANCE = 1e-9
"""Relative: the check sums a batch in another order than the consumer did."""


@dataclass
class BatchCheck:
    """Checks entries of the window in their order.

    Attributes:
        checked_ids: the listings to check; batches without any of them are skipped.
        batches: how many batches were compared with their predictions.
        rows: how many rows were compared.
        unseen: entries of the window whose predictions have been trimmed, or that were written for other columns.
    """

    client: redis.Redis
    streams: Streams
    domain: Domain
    checked_ids: Collection[str]
    problems: Problems
    batches: int = 0
    rows: int = 0
    unseen: int = 0
    _last: dict[tuple[bytes, bool], tuple[EntryId, str]] = field(default_factory=dict)

    def check(self, entry: RawEntry) -> None:
        """Compare an entry of the window with its predictions, and its activation with its consumer's previous one."""
        window_id, fields = entry
        batch = self._batch(fields)
        if batch is None or fields[b"layout"].decode() != layout_of(self.domain):
            self.unseen += 1
            return
        is_checked = any(prediction.id in self.checked_ids for prediction in batch)
        self._check_order(window_id.decode(), fields, is_checked=is_checked)
        if is_checked:
            self.batches += 1
            self._check_batch(window_id.decode(), fields, batch)

    def _batch(self, fields: dict[bytes, bytes]) -> list[Predicted] | None:
        """The predictions committed with it; None where they are unknown or have been trimmed."""
        if b"last" not in fields:
            return None
        count = int(fields.get(b"batch", fields[b"count"]))
        reply: Any = self.client.xrevrange(self.streams.predictions, fields[b"last"].decode(), "-", count=count)
        if len(reply) < count or reply[0][0] != fields[b"last"]:
            return None
        batch = [decode_prediction(prediction[DATA_FIELD]) for _, prediction in reversed(reply)]
        if b"batch" not in fields:
            return batch
        # of a rollout: the other model's predictions belong to another entry
        activation = fields[b"activation"].decode()
        return [prediction for prediction in batch if prediction.data.model.activation == activation]

    def _check_order(self, window_id: str, fields: dict[bytes, bytes], *, is_checked: bool) -> None:
        consumer, activation = fields[b"consumer"], EntryId.parse(fields[b"activation"])
        # a challenger's activation is later than the champion's beside it
        key = consumer, fields.get(b"arm") == b"challenger"
        last, last_window_id = self._last.get(key, (activation, ""))
        if activation < last and is_checked:
            name = consumer.decode(errors="replace")
            message = f"consumer {name} predicted with activation {activation} after {last} (window {last_window_id})"
            self.problems.add("order", window_id, message)
        self._last[key] = max((activation, window_id), (last, last_window_id))

    def _check_batch(self, window_id: str, fields: dict[bytes, bytes], batch: list[Predicted]) -> None:
        activation = fields[b"activation"].decode()
        for prediction in batch:
            predicted_with = prediction.data.model.activation
            if predicted_with != activation:
                message = f"predicted with activation {predicted_with}, but window {window_id} has {activation}"
                self.problems.add("window", prediction.id, message)
        if len(batch) != int(fields[b"count"]):
            message = f"window {window_id} counts {fields[b'count'].decode()} predictions, its batch has {len(batch)}"
            self.problems.add("window", window_id, message)
        values = {prediction.id: self.value_of(prediction) for prediction in batch}
        total, window_total = math.fsum(values.values()), float(fields[b"sum"])
        if not math.isclose(total, window_total, rel_tol=SUM_TOLERANCE, abs_tol=SUM_TOLERANCE):
            message = f"window {window_id} has the sum {window_total}, but its {len(batch)} predictions sum to {total}"
            self.problems.add("window", window_id, message)
        for row in unpack_rows(self.domain, fields):
            self.rows += 1
            entry_id = f"{row['ms']}-{row['seq']}"
            if entry_id not in values:
                self.problems.add("window", entry_id, f"has a row in window {window_id}, but is not in its batch")
            elif values[entry_id] != row["prediction"]:
                message = f"predicted {values[entry_id]}, but window {window_id} has {row['prediction']}"
                self.problems.add("window", entry_id, message)

    def value_of(self, predicted: Predicted) -> float:
        """A prediction as a number: the price, or the position of the class."""
        value = predicted.data.prediction
        return float(self.domain.target.classes.index(value)) if isinstance(value, str) else value
