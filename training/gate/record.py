"""The fold record of a version: the rows it was trained on, its folds, and what it said of rows it had not seen.

It is what the gate judges by, and enough to try another model on the very same folds later, on any machine that can
read the registry. Rows lie in a Parquet file; folds as one bit a row, so that a million rows in 25 folds take 6 MB.
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
from registry.folder import PREDICTION
from schemas.domain import Domain
from training.data.tables import Table
from training.learning.folding import FoldResult, Split

if TYPE_CHECKING:
    import pandas as pd

FOLDS_FOLDER = "folds"
"""The folder of a run in which the fold record of its version lies."""
ROWS_FILE = "rows.parquet"
FOLDS_FILE = "folds.npz"


@dataclass(frozen=True, slots=True)
class FoldRecord:
    """What one version did on its folds.

    Attributes:
        learn: the training rows.
        splits: the folds among them.
        scores: the deciding metric of each fold, shape (folds,).
        out_of_fold: what was predicted for each training row, shape (rows,).
    """

    learn: Table
    splits: tuple[Split, ...]
    scores: NDArray[np.float64]
    out_of_fold: NDArray[Any]

    @property
    def key(self) -> str:
        """A hash of the rows and the folds: two records with the same one can be compared fold by fold."""
        whole = hashlib.sha256(self.learn.sha256().encode())
        for bits in _bits(self.splits, len(self.learn)):
            whole.update(bits.tobytes())
        return whole.hexdigest()


def record_of(learn: Table, splits: Sequence[Split], folds: FoldResult) -> FoldRecord:
    """The record of a model that was folded on these rows."""
    return FoldRecord(learn, tuple(splits), folds.scores, folds.out_of_fold)


def write_record(record: FoldRecord, folder: Path) -> str:
    """Write a record into a folder, which is created; returns the folder's digest."""
    folder.mkdir(parents=True)
    record.learn.with_target().assign(**{PREDICTION: record.out_of_fold}).to_parquet(folder / ROWS_FILE, index=False)
    learn, judge = _bits(record.splits, len(record.learn))
    np.savez_compressed(folder / FOLDS_FILE, allow_pickle=False, learn=learn, judge=judge, scores=record.scores)
    return digest_of(folder)


def read_record(folder: Path, domain: Domain) -> FoldRecord:
    """Read what `write_record` wrote, for the domain as it is declared now.

    Raises:
        OSError: a file is missing.
        ValueError: a file cannot be understood.
        KeyError: a column is missing.
    """
    import pandas as pd

    rows = pd.read_parquet(folder / ROWS_FILE)
    with np.load(folder / FOLDS_FILE, allow_pickle=False) as arrays:
        stored = dict(arrays)
    masks = [np.unpackbits(stored[name], axis=1, count=len(rows)).astype(bool) for name in ("learn", "judge")]
    splits = tuple((np.flatnonzero(learn), np.flatnonzero(judge)) for learn, judge in zip(*masks, strict=True))
    learn = Table(
        domain,
        rows[list(domain.columns)],
        _column(rows, domain.target.name),
        np.arange(len(rows), dtype=np.int64),
        "its fold record",
    )
    return FoldRecord(learn, splits, stored["scores"], _column(rows, PREDICTION))


def _column(rows: pd.DataFrame, name: str) -> NDArray[Any]:
    values = rows[name].to_numpy()
    return values.astype(np.float64) if values.dtype.kind == "f" else values.astype(str)


def _bits(splits: Sequence[Split], rows: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Which rows teach and which judge, a bit a row, each (folds, rows / 8)."""
    masks = np.zeros((2, len(splits), rows), dtype=bool)
    for fold, (learn, judge) in enumerate(splits):
        masks[0, fold, learn] = True
        masks[1, fold, judge] = True
    learn_bits, judge_bits = np.packbits(masks, axis=2)
    return learn_bits, judge_bits
