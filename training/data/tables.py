"""Checked training data: every row satisfies the domain's contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from schemas.domain import Domain
from training.data.content import content_sha256

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Table:
    """A table of n checked rows.

    Attributes:
        domain: with the contract.
        frame: the raw columns in the domain's order: float64 with NaN for gaps, text for categories.
        target: prices (float64) or class names (text), shape (n,).
        positions: of the rows in the source, counted from 0, shape (n,).
        source: of the data.
        times: of the rows, datetime64[ns], shape (n,); None if the settings name no time column.
    """

    domain: Domain
    frame: pd.DataFrame
    target: NDArray[Any]
    positions: NDArray[np.int64]
    source: str
    times: NDArray[np.datetime64] | None = None

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: NDArray[np.int64]) -> Table:
        """A table of some rows, by their numbers."""
        times = None if self.times is None else self.times[rows]
        frame, target = self.frame.iloc[rows], self.target[rows]
        return Table(self.domain, frame, target, self.positions[rows], self.source, times)

    def with_target(self) -> pd.DataFrame:
        """Columns and target in one frame."""
        frame = self.frame.copy()
        frame[self.domain.target.name] = self.target
        return frame

    def sha256(self) -> str:
        """A hash of the content, independent of the source's order of columns, line endings and spelling of numbers."""
        frame = self.with_target()
        if self.times is not None:
            frame.insert(0, "", self.times.astype("int64").astype(str))
        return content_sha256(frame)
