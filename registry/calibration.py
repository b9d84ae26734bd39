"""The calibration of a stored model, by which its predictions get intervals or prediction sets.

Training makes it from out-of-fold predictions (`training.learning.conformal`). Whoever scores needs numpy only: one
search and two additions for a number, one comparison for a class. `calibration.json` lies beside the model, and the
digest covers it.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from registry.card import ModelCard
from schemas.errors import ModelRejectedError

CALIBRATION_FILE = "calibration.json"


class NumberCalibration(msgspec.Struct, frozen=True, tag="numbers", tag_field="task", dict=True):
    """What is added to a prediction for its interval, by group of the prediction (Mondrian split conformal).

    Attributes:
        coverage: share of true values that the intervals hold.
        rows: number of out-of-fold residuals that it was made from.
        edges: predictions at which the next group begins, rising; one fewer than groups.
        low: of each group, what is added for the lower end.
        high: the same for the upper end.
    """

    coverage: float
    rows: int
    edges: list[float]
    low: list[float]
    high: list[float]

    def intervals(self, predictions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Lower and upper ends (n, 2) of the intervals of n predictions."""
        edges, offsets = self._arrays
        intervals: NDArray[np.float64] = offsets[edges.searchsorted(predictions, side="right")]
        intervals += predictions[:, np.newaxis]
        return intervals

    @cached_property
    def _arrays(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return np.array(self.edges, dtype=np.float64), np.column_stack([self.low, self.high])

    def fits(self, card: ModelCard) -> bool:
        """Whether it belongs to a model with this card, and holds together."""
        groups = len(self.edges) + 1
        if card.task != "regression" or len(self.low) != groups or len(self.high) != groups:
            return False
        edges, offsets = self._arrays
        is_finite = np.isfinite(edges).all() and np.isfinite(offsets).all()
        return bool(is_finite and (np.diff(edges) > 0).all() and (offsets[:, 0] <= offsets[:, 1]).all())


class ClassCalibration(msgspec.Struct, frozen=True, tag="classes", tag_field="task", dict=True):
    """The probability from which a class belongs to the prediction set (label-conditional conformal).

    Attributes:
        coverage: share of the rows of each class whose sets hold the class.
        rows: number of out-of-fold predictions that it was made from.
        least: by class, in the domain's order; 0 for a class with too few rows, which every set holds.
    """

    coverage: float
    rows: int
    least: list[float]

    def is_candidate(self, probabilities: NDArray[np.float64], winners: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which classes the sets hold, (n, classes), of probabilities of this shape; the predicted one is always in.

        Args:
            probabilities: in the domain's order.
            winners: positions (n,) of the predicted classes.
        """
        is_in = probabilities >= self._least
        is_in[np.arange(len(winners)), winners] = True
        return is_in

    @cached_property
    def _least(self) -> NDArray[np.float64]:
        return np.array(self.least, dtype=np.float64)

    def fits(self, card: ModelCard) -> bool:
        """Whether it belongs to a model with this card, and holds together."""
        return 0 < len(self.least) == len(card.classes) and bool(np.isfinite(self._least).all())


Calibration: TypeAlias = NumberCalibration | ClassCalibration


def write_calibration(folder: Path, calibration: Calibration | None) -> None:
    """Write a calibration into a model's folder, if it has one."""
    if calibration is not None:
        (folder / CALIBRATION_FILE).write_bytes(msgspec.json.encode(calibration) + b"\n")


def read_calibration(folder: Path, card: ModelCard) -> Calibration | None:
    """The calibration of a stored model; None if it has none.

    Raises:
        ModelRejectedError: ("signature") the file cannot be decoded, or does not fit the model.
    """
    if not (folder / CALIBRATION_FILE).exists():
        return None
    try:
        calibration: Calibration = msgspec.json.decode((folder / CALIBRATION_FILE).read_bytes(), type=Calibration)
    except msgspec.MsgspecError as error:
        raise ModelRejectedError("signature", f"{CALIBRATION_FILE}: {error}") from error
    if not 0 < calibration.coverage < 1 or not calibration.fits(card):
        raise ModelRejectedError("signature", f"{CALIBRATION_FILE} does not fit the model: train it again")
    return calibration
