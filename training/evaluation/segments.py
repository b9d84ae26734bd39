"""The segments of a table, as its domain declares them, and the figures of predictions in each."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from schemas.domain import Domain
from schemas.segments import Segment
from training.learning.metrics import metrics_of

if TYPE_CHECKING:
    import pandas as pd

MISSING = "missing"


@dataclass(frozen=True, slots=True)
class SegmentRows:
    """The rows of a table with the same value, or a value in the same range, of a feature.

    Attributes:
        column: of the feature.
        label: the value, the range, or ``missing``.
        rows: numbers of the rows.
    """

    column: str
    label: str
    rows: NDArray[np.int64]

    @property
    def name(self) -> str:
        """Column and label."""
        return f"{self.column} {self.label}"


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """Figures of the predictions in a segment.

    Attributes:
        name: of the segment.
        rows: number of rows.
        figures: metrics of `training.learning.metrics`.
    """

    name: str
    rows: int
    figures: dict[str, float]


def segments_of(domain: Domain, frame: pd.DataFrame, train: pd.DataFrame) -> list[SegmentRows]:
    """The segments of a table that have rows.

    Args:
        domain: declares the features to segment by.
        frame: the table, raw columns.
        train: the training rows, whose quantiles divide numbers into ranges.
    """
    segments = (each for declared in domain.segments for each in _divide(declared, frame[declared.column], train))
    return [segment for segment in segments if len(segment.rows)]


def figures_by_segment(
    domain: Domain, segments: list[SegmentRows], truth: NDArray[Any], predicted: NDArray[Any]
) -> tuple[SegmentFigures, ...]:
    """The figures of each segment with at least two rows."""
    return tuple(
        SegmentFigures(each.name, len(each.rows), metrics_of(domain, truth[each.rows], predicted[each.rows]))
        for each in segments
        if len(each.rows) > 1
    )


def _divide(declared: Segment, values: pd.Series[Any], train: pd.DataFrame) -> list[SegmentRows]:
    segments = _by_range(declared, values, train) if declared.parts else _by_value(declared, values)
    return [*segments, SegmentRows(declared.column, MISSING, np.flatnonzero(values.isna().to_numpy()))]


def _by_value(declared: Segment, values: pd.Series[Any]) -> list[SegmentRows]:
    cells = values.to_numpy()
    return [
        SegmentRows(
            declared.column, f"{value:g}" if isinstance(value, float) else str(value), np.flatnonzero(cells == value)
        )
        for value in sorted(values.dropna().unique().tolist())
    ]


def _by_range(declared: Segment, values: pd.Series[Any], train: pd.DataFrame) -> list[SegmentRows]:
    shares = np.linspace(0, 1, declared.parts + 1)[1:-1]
    edges = [-np.inf, *np.nanquantile(train[declared.column].to_numpy(dtype=np.float64), shares), np.inf]
    numbers = values.to_numpy(dtype=np.float64)
    return [
        SegmentRows(declared.column, _range_label(low, high), np.flatnonzero((numbers > low) & (numbers <= high)))
        for low, high in pairwise(edges)
    ]


def _range_label(low: float, high: float) -> str:
    if np.isinf(low):
        return f"up to {high:.4g}"
    return f"over {low:.4g}" if np.isinf(high) else f"{low:.4g} to {high:.4g}"
