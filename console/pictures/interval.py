"""A picture of an interval around an estimate, beside zero."""

from __future__ import annotations

from markupsafe import Markup

_WIDTH, _HEIGHT, _MARGIN, _Y = 480, 62, 40, 22


def draw_interval(title: str, estimate: float | None, low: float, high: float) -> Markup:
    """The picture; everything is a share, and shown as a percentage.

    Args:
        title: what the interval is of.
        estimate: within it; None where there is none.
        low: its lower end.
        high: its upper end.
    """
    reach = max(abs(low), abs(high)) or 1.0

    def x_of(value: float) -> float:
        return _WIDTH / 2 + value / reach * (_WIDTH / 2 - _MARGIN)

    texts = [("start", -reach), ("middle", 0.0), ("end", reach)]
    ticks = Markup("").join(
        Markup('<text class="tick" x="{:.1f}" y="{}" text-anchor="{}">{}</text>').format(
            x_of(value), _HEIGHT - 6, anchor, f"{value:+.1%}" if value else "0"
        )
        for anchor, value in texts
    )
    point = Markup("")
    if estimate is not None:
        point = Markup('<circle class="tip" cx="{:.1f}" cy="{}" r="5"/>').format(x_of(estimate), _Y)
    said = f"{low:+.1%} to {high:+.1%}"
    said = said if estimate is None else f"{estimate:+.1%} ({said})"
    return Markup(
        '<figure><figcaption>{0}: {1}</figcaption><svg class="interval" viewBox="0 0 {2} {3}" role="img" '
        'aria-label="{0}: {1}"><line class="grid" x1="{4:.1f}" x2="{4:.1f}" y1="4" y2="{5}"/>'
        '<path class="line" d="M{6:.1f} {7}H{8:.1f}"/>{9}{10}</svg></figure>'
    ).format(title, said, _WIDTH, _HEIGHT, x_of(0.0), _HEIGHT - 20, x_of(low), _Y, x_of(high), point, ticks)
