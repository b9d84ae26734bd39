"""The intervals or prediction sets of a batch, as the encoder takes them: one search and two additions a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from registry.calibration import Calibration, NumberCalibration

_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class BatchRanges:
    """What goes with the predictions of a batch.

    Attributes:
        each: for each prediction its interval, or its prediction set as a JSON list of classes; empty if the model has
            no calibration.
        coverage: that the calibration promises, for each prediction.
    """

    each: Sequence[Any] = ()
    coverage: Sequence[float | None] = ()

    def where(self, is_other: NDArray[np.bool_], other: BatchRanges) -> BatchRanges:
        """These ranges, and those of another model where it answers, (n,)."""
        if not is_other.any():
            return self
        count, mine = len(is_other), ~is_other
        each = np.full((2, count), None, dtype=object)
        for ranges, rows in ((self, mine), (other, is_other)):
            if ranges.each:
                each[0, rows] = _objects(ranges.each)[rows]
                each[1, rows] = _objects(ranges.coverage)[rows]
        return BatchRanges(each[0].tolist(), each[1].tolist())


NO_RANGES = BatchRanges()


def ranges_of(
    calibration: Calibration | None, scores: NDArray[np.float64], values: NDArray[np.float64], classes: Sequence[str]
) -> BatchRanges:
    """The ranges of n predictions.

    Args:
        calibration: of the model.
        scores: predictions (n,), or probabilities (n, classes).
        values: predictions (n,), or positions of the predicted classes.
        classes: of the domain.
    """
    if calibration is None:
        return NO_RANGES
    if isinstance(calibration, NumberCalibration):
        return BatchRanges(calibration.intervals(scores).tolist(), [calibration.coverage] * len(scores))
    is_in = calibration.is_candidate(scores, values.astype(np.int64))
    # few sets are different, so each is encoded once
    packed = np.packbits(is_in, axis=1)
    keys: list[bytes] = packed.view(f"V{packed.shape[1]}").ravel().tolist()
    encoded = {key: _encoded_set(key, classes) for key in set(keys)}
    return BatchRanges([encoded[key] for key in keys], [calibration.coverage] * len(keys))


def _objects(values: Sequence[Any]) -> NDArray[np.object_]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _encoded_set(key: bytes, classes: Sequence[str]) -> msgspec.Raw:
    bits = np.unpackbits(np.frombuffer(key, dtype=np.uint8), count=len(classes))
    return msgspec.Raw(_encode([name for name, bit in zip(classes, bits, strict=True) if bit]))
