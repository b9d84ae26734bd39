"""The fold record of a version: its training rows, its folds, and its out-of-fold predictions.

The gate judges by it, and can evaluate another model on the same folds later, on any machine that reads the registry.
Rows are stored as Parquet, folds as one bit a row, so that a million rows in 25 folds take 6 MB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from registry.digest import digest_of
from registry.folder import prediction_column
from schemas.domain import Domain
from training.data.tables import Table
from training.learning.folding import FoldResult, Split

if TYPE_CHECKING:
    import pandas as pd

FOLDS_FOLDER = "folds"
"""The folder of an MLflow run that holds the fold record of its version."""
ROWS_FILE = "rows.parquet"
FOLDS_FILE = "folds.npz"


@dataclass(frozen=True, slots=True)
class FoldRecord:
    """Training rows, folds and results of one version.

    Attributes:
        train: the training rows.
        splits: the folds.
        metric: that decided.
        scores: this metric of each fold, shape (folds,).
        out_of_fold: the out-of-fold prediction for each training row, shape (rows,).
        probabilities: the same as probabilities (rows, classes) in the order of the domain's classes; None for a
            regression.
    """

    train: Table
    splits: tuple[Split, ...]
    metric: str
    scores: NDArray[np.float64]
    out_of_fold: NDArray[Any]
    probabilities: NDArray[np.float64] | None = None

    @property
    def predictions(self) -> NDArray[np.float64]:
        """Out of fold: prices (rows,), or probabilities (rows, classes)."""
        return self.out_of_fold if self.probabilities is None else self.probabilities

    @property
    def validation_rows(self) -> NDArray[np.int64]:
        """Numbers of the rows that are validation rows of a fold."""
        return np.unique(np.concatenate([validation for _, validation in self.splits]))

    @property
    def key(self) -> str:
        """A hash of rows, folds and metric: records with the same key can be compared fold by fold."""
        digest = hashlib.sha256(f"{self.train.sha256()} {self.metric}".encode())
        for bits in _bits(self.splits, len(self.train)):
            digest.update(bits.tobytes())
        return digest.hexdigest()


def record_of(train: Table, splits: Sequence[Split], metric: str, folds: FoldResult) -> FoldRecord:
    """The record of a model that was cross-validated on these rows."""
    return FoldRecord(train, tuple(splits), metric, folds.scores, folds.out_of_fold, folds.probabilities)


def write_record(record: FoldRecord, folder: Path) -> str:
    """Write a record into a folder, which is created; returns the folder's digest."""
    folder.mkdir(parents=True)
    rows = record.train.with_target()
    rows[prediction_column(record.train.domain)] = record.out_of_fold
    rows.to_parquet(folder / ROWS_FILE, index=False)
    train, validation = _bits(record.splits, len(record.train))
    arrays: dict[str, NDArray[Any]] = {"learn": train, "judge": validation, "scores": record.scores}
    arrays["metric"] = np.array(record.metric)
    if record.probabilities is not None:
        arrays["probabilities"] = record.probabilities
    np.savez_compressed(folder / FOLDS_FILE, allow_pickle=False, **arrays)
    return digest_of(folder)


def read_record(folder: Path, domain: Domain) -> FoldRecord:
    """Read what `write_record` wrote, for the domain as declared now.

    Raises:
        OSError: a file is missing.
        ValueError: a file is damaged.
        KeyError: a column is missing.
    """
    import pandas as pd

    rows = pd.read_parquet(folder / ROWS_FILE)
    with np.load(folder / FOLDS_FILE, allow_pickle=False) as arrays:
        stored = dict(arrays)
    masks = [np.unpackbits(stored[name], axis=1, count=len(rows)).astype(bool) for name in ("learn", "judge")]
    splits = tuple(
        (np.flatnonzero(train), np.flatnonzero(validation)) for train, validation in zip(*masks, strict=True)
    )
    train = Table(
        domain,
        rows[list(domain.columns)],
        _column(rows, domain.target.name),
        np.arange(len(rows), dtype=np.int64),
        "its fold record",
    )
    return FoldRecord(
        train,
        splits,
        str(stored["metric"]),
        stored["scores"],
        _column(rows, prediction_column(domain)),
        stored.get("probabilities"),
    )


def _column(rows: pd.DataFrame, name: str) -> NDArray[Any]:
    values = rows[name].to_numpy()
    return values.astype(np.float64) if values.dtype.kind == "f" else values.astype(str)


def _bits(splits: Sequence[Split], rows: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The training and the validation rows of each fold, one bit a row, each (folds, rows / 8)."""
    masks = np.zeros((2, len(splits), rows), dtype=bool)
    for fold, (train, validation) in enumerate(splits):
        masks[0, fold, train] = True
        masks[1, fold, validation] = True
    train_bits, validation_bits = np.packbits(masks, axis=2)
    return train_bits, validation_bits
