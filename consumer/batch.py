"""A batch between reading and committing: entries as they came, and the outcome that each shall get.

There are thousands of both a batch: they are structs because a named tuple takes four times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from schemas.encoding import Stamp

NO_MODEL = Stamp("", "")


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry as it was read.

    Attributes:
        id: its entry id.
        fields: None where the payload is gone.
        deliveries: how often it has been delivered, this time included.
    """

    id: bytes
    fields: Mapping[bytes, bytes] | None
    deliveries: int = 1


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What one entry shall get.

    Attributes:
        entry_id: the entry it answers.
        reason: "" for a prediction, else why it is refused.
        identity: source and id of the listing, joined by a newline, each empty where it cannot be read; repeats of what
            was predicted are known by it.
        event: the JSON that is written.
    """

    entry_id: bytes
    reason: str
    identity: str
    event: bytes


@dataclass(slots=True)
class ScoredBatch:
    """Outcomes of a batch, and what the window and the counts take from it.

    Attributes:
        outcomes: one for each entry, in the entries' order.
        stamp: the model that predicted.
        rows: packed rows of the predictions (every `stride`-th), see `schemas.window`.
        stride: 1 where every row is kept.
        values: the predictions as packed doubles (p x 8 bytes).
        flags: for each prediction a byte: 1 imputed, 2 unusual, 3 both.
        total: sum of the predictions.
        total_squares: sum of their squares.
        imputed: feature -> how many listings missed it.
        unusual: feature -> how many listings had an unusual value.
        kinds: how many of the predictions are of each kind (`monitoring.metrics.prediction_kinds`).
        decode_s: how long decoding and validating took.
        score_s: how long the scoring call took.
    """

    outcomes: list[Outcome]
    stamp: Stamp = NO_MODEL
    rows: bytes = b""
    stride: int = 1
    values: bytes = b""
    flags: bytes = b""
    total: float = 0.0
    total_squares: float = 0.0
    imputed: dict[str, int] = field(default_factory=dict)
    unusual: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    decode_s: float = 0.0
    score_s: float = 0.0

    @property
    def predictions(self) -> int:
        """How many of the outcomes are predictions."""
        return len(self.flags)
