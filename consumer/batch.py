"""A batch between scoring and commit: the outcome that each entry will get, and its rows for the window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from consumer.answer_encoder import encode_lines
from consumer.arm_scores import BatchArms
from schemas.rows import Matrix
from schemas.stamp import Stamp

NO_MODEL = Stamp("", "")


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """The dead letter that one entry will get.

    Attributes:
        entry_id: the entry it answers.
        reason: why the entry is refused.
        identity: source and id of the listing, each empty where it cannot be read.
        event: the JSON that is written.
        reply_to: the reply name, as the asker wrote it; empty where there is none.
    """

    entry_id: bytes
    reason: str
    identity: tuple[str, str]
    event: bytes
    reply_to: str = ""


@dataclass(slots=True, kw_only=True)
class ScoredBatch:
    """Outcomes of a batch, and what the window and the counts take from it.

    What belongs to each entry is one text with a line for each, as the commit script takes it.

    Attributes:
        entry_ids: n; those that get a prediction stand first, then the refused ones, both in the entries' order.
        events: n lines of JSON that are written.
        identities: n lines of JSON, [source, id] of the listing; repeats of what was predicted are known by them.
        reasons: why the last ones are refused.
        reply_to: n reply names as askers wrote them, each empty where there is none; no names at all if nobody asks.
        stamp: the model that predicted.
        rows: packed rows of the predictions (every `stride`-th), see `schemas.window`.
        stride: 1 where every row is kept.
        values: the p predictions as packed doubles (8 p bytes).
        flags: a byte for each prediction, the sum of 1 imputed, 2 unusual, 4 to be explained, and those of
            `consumer.arm_scores`.
        requests: a line of JSON for each prediction that is to be explained (`consumer.requests`).
        total: sum of the predictions.
        total_squares: sum of their squares.
        imputed: feature -> how many listings missed it.
        unusual: feature -> how many listings had an unusual value.
        stored: feature -> how many values were taken from the store.
        invalid_stored: feature -> how many stored values were not valid.
        lookups: how many listings were looked up in the store, by result.
        kinds: how many of the predictions are of each kind (`consumer.metrics.prediction_kinds`).
        arms: what goes with them in a rollout; None where there is none.
        decode_s: how long decoding and validating took.
        score_s: how long the scoring call took.
    """

    entry_ids: list[bytes]
    events: bytes
    identities: bytes
    reasons: Sequence[str] = ()
    reply_to: Sequence[str] = ()
    stamp: Stamp = NO_MODEL
    rows: bytes = b""
    stride: int = 1
    values: bytes = b""
    flags: bytes = b""
    requests: bytes = b""
    total: float = 0.0
    total_squares: float = 0.0
    imputed: dict[str, int] = field(default_factory=dict)
    unusual: dict[str, int] = field(default_factory=dict)
    stored: Mapping[str, int] = field(default_factory=dict)
    invalid_stored: Mapping[str, int] = field(default_factory=dict)
    lookups: Mapping[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    arms: BatchArms | None = None
    decode_s: float = 0.0
    score_s: float = 0.0

    @property
    def predictions(self) -> int:
        """How many of the outcomes are predictions."""
        return len(self.entry_ids) - len(self.reasons)

    def add(self, refusals: Sequence[Refusal]) -> None:
        """Append dead letters for other entries of the batch."""
        names = [refusal.reply_to for refusal in refusals]
        if self.reply_to or any(names):
            self.reply_to = [*(self.reply_to or [""] * len(self.entry_ids)), *names]
        self.entry_ids = [*self.entry_ids, *(refusal.entry_id for refusal in refusals)]
        self.events = b"".join([self.events, *(refusal.event + b"\n" for refusal in refusals)])
        self.identities += encode_lines([refusal.identity for refusal in refusals])
        self.reasons = [*self.reasons, *(refusal.reason for refusal in refusals)]


def all_refused(refusals: Sequence[Refusal]) -> ScoredBatch:
    """A batch of dead letters without a prediction."""
    batch = ScoredBatch(entry_ids=[], events=b"", identities=b"")
    batch.add(refusals)
    return batch


def pack_rows(
    dtype: np.dtype[np.void], entry_ids: Sequence[bytes], matrix: Matrix, predictions: NDArray[np.float64]
) -> bytes:
    """Pack n rows for the window (`schemas.window`).

    Args:
        dtype: of a row.
        entry_ids: n ids of listings.
        matrix: features (n, columns).
        predictions: shape (n,).
    """
    rows = np.empty(len(entry_ids), dtype=dtype)
    ids = [entry_id.split(b"-") for entry_id in entry_ids]
    rows["ms"] = [int(ms) for ms, _ in ids]
    rows["seq"] = [int(seq) for _, seq in ids]
    rows["prediction"] = predictions
    rows["features"] = matrix
    return rows.tobytes()
