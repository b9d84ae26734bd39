"""A picture of an estimate over time, with the interval around it and zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_WIDTH, _HEIGHT = 480, 150
_LEFT, _TOP, _BOTTOM, _RIGHT = 60, 10, 22, 8


@dataclass(frozen=True, slots=True)
class BandPoint:
    """An estimate at a time in s, and the ends of its interval; all are shares."""

    at_s: float
    estimate: float
    low: float
    high: float


def draw_band(title: str, points: Sequence[BandPoint], ends: tuple[str, str]) -> Markup:
    """The picture; values are shown as percentages.

    Args:
        title: what is shown, for its caption.
        points: at least one, oldest first.
        ends: labels below, of the oldest and the newest point.
    """
    first, newest = points[0], points[-1]
    span_s = newest.at_s - first.at_s or 1.0
    # the first intervals are so wide that nothing else would be seen beside them
    shown = points[len(points) // 3 :]
    least, most = min(0.0, *(each.low for each in shown)), max(0.0, *(each.high for each in shown))
    reach = (most - least) * 1.2 or 1.0

    def x_of(at_s: float) -> float:
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (at_s - first.at_s) / span_s

    def y_of(share: float) -> float:
        return _TOP + (_HEIGHT - _TOP - _BOTTOM) * min(max((most - share) / reach + 0.1, 0.0), 1.0)

    upper = [f"{x_of(each.at_s):.1f} {y_of(each.high):.1f}" for each in points]
    lower = [f"{x_of(each.at_s):.1f} {y_of(each.low):.1f}" for each in reversed(points)]
    middle = [f"{x_of(each.at_s):.1f} {y_of(each.estimate):.1f}" for each in points]
    ticks = Markup("").join(
        Markup(
            '<line class="grid" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/>'
            '<text class="tick" x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>'
        ).format(_LEFT, _WIDTH - _RIGHT, y_of(share), _LEFT - 6, y_of(share) + 4, f"{share:+.1%}" if share else "0")
        for share in {least, 0.0, most}
    )
    labels = Markup("").join(
        Markup('<text class="tick" x="{}" y="{}" text-anchor="{}">{}</text>').format(x, _HEIGHT - 6, anchor, text)
        for x, anchor, text in ((_LEFT, "start", ends[0]), (_WIDTH - _RIGHT, "end", ends[1]))
    )
    said = f"{newest.estimate:+.1%} ({newest.low:+.1%} to {newest.high:+.1%})"
    return Markup(
        '<figure><figcaption>{0}</figcaption><svg class="lines" viewBox="0 0 {1} {2}" role="img" '
        'aria-label="{0}: {3}, from {4} to {5}">{6}<path class="band" d="M{7}Z"/><path class="line line-0" d="M{8}"/>'
        "{9}</svg></figure>"
    ).format(title, _WIDTH, _HEIGHT, said, *ends, ticks, "L".join([*upper, *lower]), "L".join(middle) + "h0.1", labels)
