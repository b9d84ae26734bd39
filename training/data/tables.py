"""Training data whose every row satisfies the domain's contract."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from schemas.domain import Domain

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Table:
    """Checked data, n rows.

    Attributes:
        domain: whose contract they satisfy.
        frame: the raw columns in the domain's order: float64 with NaN for gaps, text for categories.
        target: prices (float64) or class names (text), shape (n,).
        positions: of the rows in the source, counted from 0, shape (n,).
        source: where the data came from.
    """

    domain: Domain
    frame: pd.DataFrame
    target: NDArray[Any]
    positions: NDArray[np.int64]
    source: str

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: NDArray[np.int64]) -> Table:
        """Some of the rows, by their number in this table."""
        return Table(self.domain, self.frame.iloc[rows], self.target[rows], self.positions[rows], self.source)

    def with_target(self) -> pd.DataFrame:
        """Columns and target in one frame."""
        return self.frame.assign(**{self.domain.target.name: self.target})

    def sha256(self) -> str:
        """A hash of the content: the same for any order of columns, line ending or spelling of a number."""
        content = self.with_target().to_csv(index=False, lineterminator="\n")
        return hashlib.sha256(content.encode()).hexdigest()
