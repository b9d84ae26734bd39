"""Lays out the plot of a column: bars for the current window; a line, or bars of categories, for the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.drift import Distribution

WIDTH, HEIGHT = 320, 120
_BASELINE = 100
_MAX_CATEGORIES = 12
_MAX_LABEL = 14


@dataclass(frozen=True, slots=True)
class Bar:
    """A rectangle, in the units of the plot."""

    side: Literal["now", "then"]
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Label:
    """A text below the baseline, with a tooltip or ""."""

    x: float
    anchor: Literal["start", "middle", "end"]
    text: str
    tooltip: str = ""


@dataclass(frozen=True, slots=True)
class Plot:
    """Shapes of one plot, `WIDTH` by `HEIGHT`; `line` holds the points of the reference's outline."""

    bars: Sequence[Bar]
    line: Sequence[tuple[float, float]]
    labels: Sequence[Label]
    width: int = WIDTH
    height: int = HEIGHT


def plot(distribution: Distribution) -> Plot | None:
    """The plot of both distributions; None where a side has no values."""
    if not distribution.reference or not distribution.current:
        return None
    scale = _BASELINE / (max(*distribution.reference, *distribution.current) or 1)
    return _categories(distribution, scale) if distribution.categories else _numbers(distribution, scale)


def _numbers(distribution: Distribution, scale: float) -> Plot:
    step = WIDTH / len(distribution.current)
    bars = [_bar("now", i * step + 0.5, step - 1, share * scale) for i, share in enumerate(distribution.current)]
    line = [(0.0, float(_BASELINE))]
    for i, share in enumerate(distribution.reference):
        y = _BASELINE - share * scale
        line += [(i * step, y), ((i + 1) * step, y)]
    line.append((float(WIDTH), float(_BASELINE)))
    low, high = distribution.edges[0], distribution.edges[-1]
    labels = (
        Label(0, "start", f"{low:.4g}"),
        Label(WIDTH / 2, "middle", f"{(low + high) / 2:.4g}"),
        Label(WIDTH, "end", f"{high:.4g}"),
    )
    return Plot(bars, line, labels)


def _categories(distribution: Distribution, scale: float) -> Plot:
    triples = zip(distribution.categories, distribution.reference, distribution.current, strict=True)
    shown = [triple for triple in triples if triple[1] or triple[2]]
    shown = sorted(shown, key=lambda triple: -max(triple[1:]))[:_MAX_CATEGORIES]
    step = WIDTH / len(shown)
    half, room = (step - 8) / 2, max(3, int(step / 6))
    bars: list[Bar] = []
    labels: list[Label] = []
    for i, (category, then, now) in enumerate(shown):
        x = i * step + 4
        bars += [_bar("then", x, half, then * scale), _bar("now", x + half, half, now * scale)]
        text = category if len(category) <= min(room, _MAX_LABEL) else f"{category[: room - 1]}…"
        labels.append(Label((i + 0.5) * step, "middle", text, f"{category}: {then:.1%} before, {now:.1%} now"))
    return Plot(bars, (), labels)


def _bar(side: Literal["now", "then"], x: float, width: float, height: float) -> Bar:
    return Bar(side, x, _BASELINE - height, width, height)
