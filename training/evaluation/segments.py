"""Parts of a table by the domain's declared segments, and the figures of each part."""

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
class SegmentFigures:
    """Rows of a table that one segment puts together.

    Attributes:
        column: the segment's feature.
        label: what these rows have in common: a value, a range, or that the value is missing.
        rows: their numbers in the table.
    """

    column: str
    label: str
    rows: NDArray[np.int64]

    @property
    def name(self) -> str:
        """Column and label."""
        return f"{self.column} {self.label}"


@dataclass(frozen=True, slots=True)
class PartFigures:
    """How good predictions are in one part.

    Attributes:
        name: of the part.
        rows: how many it has.
        figures: of `training.learning.metrics`.
    """

    name: str
    rows: int
    figures: dict[str, float]


def parts_of(domain: Domain, frame: pd.DataFrame, learn: pd.DataFrame) -> list[SegmentFigures]:
    """The parts of a table, those without rows left out.

    Args:
        domain: declares the segments.
        frame: the table, raw columns.
        learn: the training rows, which say where numbers are cut.
    """
    return [
        part for segment in domain.segments for part in _cut(segment, frame[segment.column], learn) if len(part.rows)
    ]


def figures_by_part(
    domain: Domain, parts: list[SegmentFigures], truth: NDArray[Any], predicted: NDArray[Any]
) -> tuple[PartFigures, ...]:
    """The figures of each part that has two rows at least."""
    return tuple(
        PartFigures(part.name, len(part.rows), metrics_of(domain, truth[part.rows], predicted[part.rows]))
        for part in parts
        if len(part.rows) > 1
    )


def _cut(segment: Segment, values: pd.Series[Any], learn: pd.DataFrame) -> list[SegmentFigures]:
    is_missing = values.isna().to_numpy()
    parts = _ranges(segment, values, learn) if segment.parts else _values(segment, values)
    return [*parts, SegmentFigures(segment.column, MISSING, np.flatnonzero(is_missing))]


def _values(segment: Segment, values: pd.Series[Any]) -> list[SegmentFigures]:
    found = values.to_numpy()
    return [
        SegmentFigures(
            segment.column, f"{value:g}" if isinstance(value, float) else str(value), np.flatnonzero(found == value)
        )
        for value in sorted(values.dropna().unique().tolist())
    ]


def _ranges(segment: Segment, values: pd.Series[Any], learn: pd.DataFrame) -> list[SegmentFigures]:
    shares = np.linspace(0, 1, segment.parts + 1)[1:-1]
    edges = [-np.inf, *np.nanquantile(learn[segment.column].to_numpy(dtype=np.float64), shares), np.inf]
    found = values.to_numpy(dtype=np.float64)
    return [
        SegmentFigures(segment.column, _range_label(low, high), np.flatnonzero((found > low) & (found <= high)))
        for low, high in pairwise(edges)
    ]


def _range_label(low: float, high: float) -> str:
    if np.isinf(low):
        return f"up to {high:.4g}"
    return f"over {low:.4g}" if np.isinf(high) else f"{low:.4g} to {high:.4g}"
