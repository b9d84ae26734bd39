"""Distributions drawn as SVG, to be put into a page: bars for the current window, a line for the reference."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from schemas.drift import Distribution

WIDTH, HEIGHT = 320, 120
_BASE = 100
_MOST_CATEGORIES = 12
_LONGEST_LABEL = 14


def draw(distribution: Distribution, name: str) -> str:
    """One SVG image of both distributions; a sentence where a side has no values.

    Colours come from the page: classes `now` and `then`.
    """
    if not distribution.reference or not distribution.current:
        return '<p class="none">no values to draw</p>'
    heights = (*distribution.reference, *distribution.current)
    scale = _BASE / (max(heights) or 1)
    if distribution.categories:
        body = _categories(distribution, scale)
    else:
        body = _bars(distribution.current, scale) + _steps(distribution.reference, scale) + _axis(distribution.edges)
    label = escape(f"reference and current distribution of {name}", quote=True)
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">{body}</svg>'


def _bars(shares: Sequence[float], scale: float) -> str:
    step = WIDTH / len(shares)
    return "".join(
        f'<rect class="now" x="{number * step + 0.5:.1f}" y="{_BASE - share * scale:.1f}" '
        f'width="{step - 1:.1f}" height="{share * scale:.1f}"/>'
        for number, share in enumerate(shares)
    )


def _steps(shares: Sequence[float], scale: float) -> str:
    step = WIDTH / len(shares)
    points = [(0.0, float(_BASE))]
    for number, share in enumerate(shares):
        y = _BASE - share * scale
        points += [(number * step, y), ((number + 1) * step, y)]
    points.append((float(WIDTH), float(_BASE)))
    return f'<polyline class="then" points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}"/>'


def _axis(edges: Sequence[float]) -> str:
    ends = ((0, "start", edges[0]), (WIDTH / 2, "middle", (edges[0] + edges[-1]) / 2), (WIDTH, "end", edges[-1]))
    return "".join(
        f'<text x="{x:g}" y="{HEIGHT - 6}" text-anchor="{anchor}">{value:.4g}</text>' for x, anchor, value in ends
    )


def _categories(distribution: Distribution, scale: float) -> str:
    """The categories that occur most, a pair of bars each."""
    triples = zip(distribution.categories, distribution.reference, distribution.current, strict=True)
    shown = [triple for triple in triples if triple[1] or triple[2]]
    shown = sorted(shown, key=lambda triple: -max(triple[1:]))[:_MOST_CATEGORIES]
    step = WIDTH / len(shown)
    room = max(3, int(step / 6))
    parts = []
    for number, (category, then, now) in enumerate(shown):
        x = number * step
        half = (step - 8) / 2
        label = category if len(category) <= min(room, _LONGEST_LABEL) else f"{category[: room - 1]}…"
        parts.append(
            f'<rect class="then" x="{x + 4:.1f}" y="{_BASE - then * scale:.1f}" width="{half:.1f}" '
            f'height="{then * scale:.1f}"/>'
            f'<rect class="now" x="{x + 4 + half:.1f}" y="{_BASE - now * scale:.1f}" width="{half:.1f}" '
            f'height="{now * scale:.1f}"/>'
            f'<text x="{x + step / 2:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(label)}'
            f"<title>{escape(category)}: {then:.1%} before, {now:.1%} now</title></text>"
        )
    return "".join(parts)
