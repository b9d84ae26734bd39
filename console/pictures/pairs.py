"""A picture of pairs of bars: one row a label, and two values to compare."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

Pair = tuple[str, float | None, float | None]


def draw_pairs(title: str, names: tuple[str, str], pairs: Sequence[Pair], unit: str = "") -> Markup:
    """Pairs as a table with bars, so that it is read without the bars, too.

    Args:
        title: what is shown.
        names: of the two values.
        pairs: label and both values; None where there is none.
        unit: after each value, such as ``%``.
    """
    largest = max((abs(value) for _, *both in pairs for value in both if value is not None), default=0.0) or 1.0
    rows = Markup("").join(
        Markup('<tr><th scope="row">{}</th><td>{}{}</td></tr>').format(
            label, _bar(first, largest, names[0], unit, 0), _bar(second, largest, names[1], unit, 1)
        )
        for label, first, second in pairs
    )
    keys = Markup("").join(
        Markup('<span class="key key-{}">{}</span>').format(number, name) for number, name in enumerate(names)
    )
    return Markup(
        '<figure><figcaption>{} <span class="keys">{}</span></figcaption><table class="pairs">{}</table></figure>'
    ).format(title, keys, rows)


def _bar(value: float | None, largest: float, name: str, unit: str, number: int) -> Markup:
    width = 0.0 if value is None else abs(value) / largest * 100
    text = "none" if value is None else f"{value:.4g}{unit}"
    return Markup(
        '<div class="bar"><span class="fill fill-{}" style="width:{:.1f}%"></span>'
        '<span><span class="hidden">{}: </span>{}</span></div>'
    ).format(number, width * 0.75, name, text)
