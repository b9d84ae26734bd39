"""A picture of lines over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

_WIDTH, _HEIGHT = 480, 150
_LEFT, _TOP, _BOTTOM = 52, 10, 22
_TICKS = 4


@dataclass(frozen=True, slots=True)
class PlottedLine:
    """One line: its name and its (time in s, value) points, oldest first; a value of None interrupts it."""

    name: str
    points: Sequence[tuple[float, float | None]]


def draw_lines(title: str, unit: str, lines: Sequence[PlottedLine], span_s: float, ago: Sequence[str]) -> Markup:
    """The picture.

    Args:
        title: what is shown, for its caption.
        unit: of the values.
        lines: at most three.
        span_s: the time shown, which ends at the newest point.
        ago: labels below, from the oldest time to the newest.
    """
    values = [value for line in lines for _, value in line.points if value is not None]
    if not values:
        return Markup('<figure><figcaption>{}</figcaption><p class="empty">Nothing yet.</p></figure>').format(title)
    top = _round_up(max(values))
    end_s = max(at_s for line in lines for at_s, _ in line.points)
    newest = ", ".join(
        f"{line.name} {_number(value)} {unit}".strip()
        for line in lines
        if (value := next((each for _, each in reversed(line.points) if each is not None), None)) is not None
    )
    grid = Markup("").join(_tick(top * number / _TICKS, top) for number in range(_TICKS + 1))
    times = Markup("").join(
        Markup('<text class="tick" x="{:.0f}" y="{}" text-anchor="{}">{}</text>').format(
            _LEFT + (_WIDTH - _LEFT - 8) * number / (len(ago) - 1),
            _HEIGHT - 6,
            "start" if number == 0 else "end" if number == len(ago) - 1 else "middle",
            text,
        )
        for number, text in enumerate(ago)
    )
    paths = Markup("").join(
        Markup('<path class="line line-{}" d="{}"><title>{}</title></path>').format(
            number, _path(line, end_s, span_s, top), line.name
        )
        for number, line in enumerate(lines)
    )
    keys = Markup("").join(
        Markup('<span class="key key-{}">{}</span>').format(number, line.name) for number, line in enumerate(lines)
    )
    return Markup(
        '<figure><figcaption>{} <span class="keys">{}</span></figcaption>'
        '<svg class="lines" viewBox="0 0 {} {}" role="img" aria-label="{}: {}">{}{}{}</svg></figure>'
    ).format(title, keys, _WIDTH, _HEIGHT, title, newest, grid, times, paths)


def _path(line: PlottedLine, end_s: float, span_s: float, top: float) -> str:
    words, is_open = [], False
    for at_s, value in line.points:
        if value is None:
            is_open = False
            continue
        x = _LEFT + (_WIDTH - _LEFT - 8) * (1 - (end_s - at_s) / span_s)
        words.append(f"{'L' if is_open else 'M'}{x:.1f} {_y(value, top):.1f}")
        if not is_open:
            words.append("h0.1")  # a point alone is seen too
        is_open = True
    return "".join(words)


def _tick(value: float, top: float) -> Markup:
    y = _y(value, top)
    return Markup(
        '<line class="grid" x1="{0}" x2="{1}" y1="{2:.1f}" y2="{2:.1f}"/>'
        '<text class="tick" x="{3}" y="{4:.1f}" text-anchor="end">{5}</text>'
    ).format(_LEFT, _WIDTH - 8, y, _LEFT - 6, y + 4, _number(value))


def _y(value: float, top: float) -> float:
    return _TOP + (_HEIGHT - _TOP - _BOTTOM) * (1 - value / top)


def _round_up(value: float) -> float:
    """The next of 1, 2, 4, 5, 10 times a power of ten, whose quarters read well."""
    step = 1.0
    while step < value:
        step *= 10
    while step > value * 10 and step > 1e-9:  # noqa: PLR2004
        step /= 10
    return next((step * part for part in (0.1, 0.2, 0.4, 0.5, 1.0) if step * part >= value > 0), step)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004
