"""A hash of what a table holds, the same however its file writes it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from tables.cells import UndecidedNumberError, is_gap, read_number, text_of
from training.data.columns import plain_numbers_in

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray


def content_sha256(frame: pd.DataFrame) -> str:
    """A sha256 of a table's content.

    It does not depend on the order of columns, line endings, or the spelling of numbers (1, 1.0, 1e0). It depends on
    the order of rows, as the folds do. A column of numbers counts as doubles, any other as texts.
    """
    digest = hashlib.sha256()
    for name in sorted(map(str, frame.columns)):
        digest.update(_sized(name) + b"%d:" % len(frame))
        numbers = _numbers_in(frame[name])
        if numbers is not None:
            # one NaN for all gaps: there are many
            digest.update(np.where(np.isnan(numbers), np.nan, numbers).astype("<f8").tobytes())
            continue
        for cell in frame[name].tolist():
            # lengths separate the cells
            digest.update(_sized(_text_of(cell)))
    return digest.hexdigest()


def _numbers_in(column: pd.Series[Any]) -> NDArray[np.float64] | None:
    """The numbers of a column with NaN for gaps; None if a cell is something else."""
    numbers = plain_numbers_in(column)
    if numbers is not None:
        return numbers
    try:
        read = [np.nan if is_gap(cell) else read_number(cell) for cell in column.tolist()]
    except UndecidedNumberError:
        return None
    return None if any(number is None for number in read) else np.array(read, dtype=np.float64)


def _sized(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return b"%d:" % len(data) + data


def _text_of(cell: Any) -> str:
    if is_gap(cell):
        return ""
    try:
        number = read_number(cell)
    except UndecidedNumberError:
        number = None
    return repr(number) if number is not None else text_of(cell)
