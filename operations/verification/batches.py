"""The window against the predictions: each of its entries was written in one breath with a batch of them."""

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
from transport.reading import Entry

SUM_TOLERANCE = 1e-9
"""Relative: a batch is summed in another order than it is checked."""


@dataclass
class BatchCheck:
    """Checks entries of the window in their order.

    Attributes:
        batches: how many were compared with their predictions.
        rows: how many rows were.
        unseen: entries of the window whose predictions have been trimmed, or that were written for other columns.
    """

    client: redis.Redis
    streams: Streams
    domain: Domain
    asked: Collection[str]
    problems: Problems
    batches: int = 0
    rows: int = 0
    unseen: int = 0
    _last: dict[bytes, tuple[EntryId, str]] = field(default_factory=dict)

    def check(self, entry: Entry) -> None:
        """Compare one entry of the window with its predictions, and its activation with its consumer's last."""
        window_id, fields = entry
        batch = self._batch(fields)
        if batch is None or fields[b"layout"].decode() != layout_of(self.domain):
            self.unseen += 1
            return
        is_asked = any(each.id in self.asked for each in batch)
        self._check_order(window_id.decode(), fields, is_asked=is_asked)
        if is_asked:
            self.batches += 1
            self._check_batch(window_id.decode(), fields, batch)

    def _batch(self, fields: dict[bytes, bytes]) -> list[Predicted] | None:
        """The predictions that were written with it; None where they cannot be told or are no longer there."""
        if b"last" not in fields:
            return None
        count = int(fields[b"count"])
        reply: Any = self.client.xrevrange(self.streams.predictions, fields[b"last"].decode(), "-", count=count)
        if len(reply) < count or reply[0][0] != fields[b"last"]:
            return None
        return [decode_prediction(each[DATA_FIELD]) for _, each in reversed(reply)]

    def _check_order(self, window_id: str, fields: dict[bytes, bytes], *, is_asked: bool) -> None:
        consumer, activation = fields[b"consumer"], EntryId.parse(fields[b"activation"])
        last, where = self._last.get(consumer, (activation, ""))
        if activation < last and is_asked:
            name = consumer.decode(errors="replace")
            message = f"consumer {name} predicted with activation {activation} after {last} (window {where})"
            self.problems.add("order", window_id, message)
        self._last[consumer] = max((activation, window_id), (last, where))

    def _check_batch(self, window_id: str, fields: dict[bytes, bytes], batch: list[Predicted]) -> None:
        activation = fields[b"activation"].decode()
        for each in batch:
            if each.data.model.activation != activation:
                told = f"predicted with activation {each.data.model.activation}, in the window it is {activation}"
                self.problems.add("window", each.id, told)
        values = {each.id: self.value_of(each) for each in batch}
        total, told_total = math.fsum(values.values()), float(fields[b"sum"])
        if not math.isclose(total, told_total, rel_tol=SUM_TOLERANCE, abs_tol=SUM_TOLERANCE):
            message = f"window {window_id} says {told_total} in sum, its {len(batch)} predictions are {total}"
            self.problems.add("window", window_id, message)
        for row in unpack_rows(self.domain, fields):
            self.rows += 1
            entry_id = f"{row['ms']}-{row['seq']}"
            if entry_id not in values:
                self.problems.add("window", entry_id, f"a row of window {window_id}, but not predicted in its batch")
            elif values[entry_id] != row["prediction"]:
                message = f"predicted {values[entry_id]}, in window {window_id} it is {row['prediction']}"
                self.problems.add("window", entry_id, message)

    def value_of(self, predicted: Predicted) -> float:
        """A prediction as a number: the price, or the place of the class."""
        value = predicted.data.prediction
        return float(self.domain.target.classes.index(value)) if isinstance(value, str) else value
