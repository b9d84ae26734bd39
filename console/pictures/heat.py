"""One row of a heat map: how strong an effect was, report by report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One report's cell.

    Attributes:
        strength: the effect as a share of its limit; None where it is unknown.
        is_marked: whether it drifts.
        text: what it says in words.
    """

    strength: float | None
    is_marked: bool
    text: str


def draw_heat_row(cells: Sequence[HeatCell]) -> Markup:
    """The cells, oldest first; the stronger the darker, and what drifts has a mark that needs no colour."""
    return Markup('<span class="heat" role="img" aria-label="{}">{}</span>').format(
        cells[-1].text if cells else "no report", Markup("").join(map(_cell, cells))
    )


def _cell(cell: HeatCell) -> Markup:
    level = 0 if cell.strength is None else min(int(cell.strength * 4), 8)
    return Markup('<i class="{}" style="--level:{}" title="{}">{}</i>').format(
        "unknown" if cell.strength is None else "drifted" if cell.is_marked else "known",
        level,
        cell.text,
        "!" if cell.is_marked else "",
    )
