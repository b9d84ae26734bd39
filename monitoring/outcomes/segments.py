"""Finds the parts of the domain's segments to which a listing belongs."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np

from monitoring.drift.columns import Column
from schemas.domain import Domain

CutPoints = Mapping[str, Sequence[float]]


def find_cut_points(domain: Domain, reference: Sequence[Column]) -> CutPoints:
    """The points that cut each numeric segment into parts with equally many rows of the reference."""
    columns = {column.name: column for column in reference if column.role == "feature"}
    cut_points: dict[str, Sequence[float]] = {}
    for segment in domain.segments:
        present = columns[segment.column].present
        if segment.parts and len(present):
            shares = np.linspace(0, 1, segment.parts + 1)[1:-1]
            cut_points[segment.column] = np.quantile(present, shares).tolist()
    return cut_points


def find_parts(domain: Domain, row: Mapping[str, object], cut_points: CutPoints) -> list[str]:
    """The names of the parts to which a listing belongs.

    Args:
        domain: declares the segments.
        row: the listing's features; missing ones may be absent.
        cut_points: from `find_cut_points`; a numeric segment without them is left out.
    """
    parts: list[str] = []
    for segment in domain.segments:
        value = row.get(segment.column)
        if value is None:
            parts.append(f"{segment.column} missing")
        elif not segment.parts:
            parts.append(f"{segment.column} {value:g}" if isinstance(value, float) else f"{segment.column} {value}")
        elif segment.column in cut_points:
            points = cut_points[segment.column]
            parts.append(f"{segment.column} {bisect_left(points, float(str(value))) + 1} of {len(points) + 1}")
    return parts
