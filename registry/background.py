"""The background rows of a model: what an explanation by permutation compares a row with, stored with the model.

They are chosen to be spread like the training rows (Chen, Welling and Smola 2010, "Super-samples from kernel herding"):
100 of them explain as 400 rows drawn at random do. The file is a plain matrix, which needs no pandas to be read.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ModelRejectedError
from schemas.rows import Matrix

BACKGROUND_FILE = "background.npy"
BACKGROUND_ROWS = 100
_CANDIDATES = 2000


def choose_background(
    matrix: Matrix, seed: int, *, categorical: Sequence[int] = (), count: int = BACKGROUND_ROWS
) -> Matrix:
    """Rows that are spread like all rows of a matrix; all of them if there are no more than `count`.

    Each next row is the one that brings the mean distance to the chosen rows closest to the mean distance to all.

    Args:
        matrix: training rows (n, columns), as `schemas.rows` builds it.
        seed: of the sample of 2,000 rows from which the rows of a larger matrix are chosen.
        categorical: positions of the columns that hold codes of categories.
        count: of rows to choose.
    """
    if len(matrix) <= count:
        return matrix
    rows = matrix[np.sort(np.random.default_rng(seed).permutation(len(matrix))[:_CANDIDATES])]
    points = _points(rows, categorical)
    squares = (points**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, np.newaxis] + squares - 2 * points @ points.T, 0))
    mean, total = distances.mean(axis=1), np.zeros(len(rows))
    chosen: list[int] = []
    for number in range(1, count + 1):
        criterion = mean - total / number
        criterion[chosen] = np.inf
        chosen.append(int(np.argmin(criterion)))
        total += distances[chosen[-1]]
    return rows[chosen]


def _points(rows: Matrix, categorical: Sequence[int]) -> NDArray[np.float64]:
    """Rows as points of equal scales: numbers in standard deviations, categories and gaps by whether they agree."""
    parts: list[NDArray[np.float64]] = []
    for position, column in enumerate(rows.T):
        gaps = np.isnan(column)
        if position in categorical:
            parts += [(column == code) / np.sqrt(2) for code in np.unique(column[~gaps])]
        elif not gaps.all() and (spread := np.nanstd(column)) > 0:
            parts.append(np.where(gaps, 0.0, (column - np.nanmean(column)) / spread))
        if gaps.any():
            parts.append(gaps.astype(np.float64))
    return np.column_stack(parts) if parts else np.zeros((len(rows), 1))


def write_background(folder: Path, background: Matrix | None) -> None:
    """Write background rows into a model's folder, if it has any."""
    if background is not None:
        np.save(folder / BACKGROUND_FILE, background, allow_pickle=False)


def read_background(folder: Path) -> Matrix | None:
    """The background rows (n, columns) of a stored model; None if it has none.

    Raises:
        ModelRejectedError: ("signature") the file is no matrix.
    """
    if not (folder / BACKGROUND_FILE).exists():
        return None
    try:
        background = np.load(folder / BACKGROUND_FILE, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ModelRejectedError("signature", f"{BACKGROUND_FILE}: {error}") from error
    if background.ndim != 2 or not len(background):  # noqa: PLR2004 - a matrix
        raise ModelRejectedError("signature", f"{BACKGROUND_FILE}: not a matrix of rows")
    return np.asarray(background, dtype=np.float64)
