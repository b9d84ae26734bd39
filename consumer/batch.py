"""A batch between reading and committing: entries as they came, and the outcome that each shall get.

There are thousands of entries in a batch: they are structs because a named tuple takes four times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from consumer.answer_encoder import encode_lines
from schemas.stamp import Stamp

NO_MODEL = Stamp("", "")


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry as it was read.

    Attributes:
        id: its entry id.
        flat: fields and their values in turn, as Redis sends them; None where the payload is gone.
        deliveries: how often it has been delivered, this time included.
    """

    id: bytes
    flat: Sequence[bytes] | None
    deliveries: int = 1

    @property
    def fields(self) -> Mapping[bytes, bytes]:
        """Values by field; none where the payload is gone."""
        flat = self.flat or ()
        return dict(zip(flat[::2], flat[1::2], strict=True))


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """The dead letter that one entry shall get.

    Attributes:
        entry_id: the entry it answers.
        reason: why it is refused.
        identity: source and id of the listing, each empty where it cannot be read.
        event: the JSON that is written.
    """

    entry_id: bytes
    reason: str
    identity: tuple[str, str]
    event: bytes


@dataclass(slots=True)
class ScoredBatch:
    """Outcomes of a batch, and what the window and the counts take from it.

    What there is of each entry is one text with a line for each, as the commit script takes it.

    Attributes:
        entry_ids: n; those that get a prediction stand first, then the refused ones, both in the entries' order.
        events: n lines of JSON that are written.
        identities: n lines of JSON, [source, id] of the listing; repeats of what was predicted are known by them.
        reasons: why the last ones are refused.
        stamp: the model that predicted.
        rows: packed rows of the predictions (every `stride`-th), see `schemas.window`.
        stride: 1 where every row is kept.
        values: the predictions as packed doubles (p x 8 bytes).
        flags: for each prediction a byte: 1 imputed, 2 unusual, 3 both.
        total: sum of the predictions.
        total_squares: sum of their squares.
        imputed: feature -> how many listings missed it.
        unusual: feature -> how many listings had an unusual value.
        kinds: how many of the predictions are of each kind (`consumer.metrics.prediction_kinds`).
        decode_s: how long decoding and validating took.
        score_s: how long the scoring call took.
    """

    entry_ids: list[bytes]
    events: bytes
    identities: bytes
    reasons: Sequence[str] = ()
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
        return len(self.entry_ids) - len(self.reasons)

    def add(self, refusals: Sequence[Refusal]) -> None:
        """Refuse entries too."""
        self.entry_ids = [*self.entry_ids, *(refusal.entry_id for refusal in refusals)]
        self.events = b"".join([self.events, *(refusal.event + b"\n" for refusal in refusals)])
        self.identities += encode_lines([refusal.identity for refusal in refusals])
        self.reasons = [*self.reasons, *(refusal.reason for refusal in refusals)]


def all_refused(refusals: Sequence[Refusal]) -> ScoredBatch:
    """A batch without a prediction."""
    batch = ScoredBatch([], b"", b"")
    batch.add(refusals)
    return batch
