"""In which parts of the domain's segments a listing lies."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence

import numpy as np

from monitoring.drift.columns import Column
from schemas.domain import Domain

Cuts = Mapping[str, Sequence[float]]


def cut_points(domain: Domain, reference: Sequence[Column]) -> Cuts:
    """Where the numbers among the segments are cut, by the reference: into parts of equally many rows."""
    columns = {column.name: column for column in reference if column.role == "feature"}
    cuts: dict[str, Sequence[float]] = {}
    for segment in domain.segments:
        present = columns[segment.column].present
        if segment.parts and len(present):
            shares = np.linspace(0, 1, segment.parts + 1)[1:-1]
            cuts[segment.column] = np.quantile(present, shares).tolist()
    return cuts


def parts_of(domain: Domain, row: Mapping[str, object], cuts: Cuts) -> list[str]:
    """The parts of one listing, by name.

    Args:
        domain: declares the segments.
        row: its features; those that are missing may be absent.
        cuts: as `cut_points` gives them; a number without cut points is left out.
    """
    parts: list[str] = []
    for segment in domain.segments:
        value = row.get(segment.column)
        if value is None:
            parts.append(f"{segment.column} missing")
        elif not segment.parts:
            parts.append(f"{segment.column} {value:g}" if isinstance(value, float) else f"{segment.column} {value}")
        elif segment.column in cuts:
            points = cuts[segment.column]
            parts.append(f"{segment.column} {bisect_left(points, float(str(value))) + 1} of {len(points) + 1}")
    return parts
