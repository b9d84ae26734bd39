"""A picture of an explanation: from the base to the prediction, one step for each feature."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

WaterfallStep = tuple[str, float]


def draw_waterfall(title: str, base: float, steps: Sequence[WaterfallStep], unit: str) -> Markup:
    """Steps as a table with bars, so that it is read without the bars, too.

    Args:
        title: what is explained.
        base: where the steps begin.
        steps: what each feature adds; all of them and the base make up the prediction.
        unit: of the values.
    """
    levels = [base]
    for _, step in steps:
        levels.append(levels[-1] + step)
    low, high = min(0.0, *levels) if min(levels) < 0 else min(levels), max(levels)
    low -= (high - low) * 0.05
    scale = 100 / ((high - low) or 1.0)
    rows = Markup("").join(
        _row(name, f"{step:+.4g}", levels[number], levels[number + 1], low, scale)
        for number, (name, step) in enumerate(steps)
    )
    first = _row("base", f"{base:.4g}", low, base, low, scale, "whole")
    last = _row("prediction", f"{levels[-1]:.4g}", low, levels[-1], low, scale, "whole")
    return Markup(
        "<figure><figcaption>{}{}</figcaption>"
        '<table class="waterfall"><thead class="hidden"><tr><th scope="col">feature</th><th scope="col">adds</th>'
        '<th scope="col">bar</th></tr></thead><tbody>{}{}{}</tbody></table></figure>'
    ).format(title, f", in {unit}" if unit else "", first, rows, last)


def _row(name: str, text: str, start: float, end: float, low: float, scale: float, kind: str = "") -> Markup:
    kind = kind or ("up" if end >= start else "down")
    return Markup(
        '<tr><th scope="row">{}</th><td class="number">{}</td><td class="track">'
        '<span class="step {}" style="margin-left:{:.2f}%;width:{:.2f}%"></span></td></tr>'
    ).format(name, text, kind, (min(start, end) - low) * scale, abs(end - start) * scale)
