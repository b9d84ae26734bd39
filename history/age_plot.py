"""Draws how much worse models are than new ones by their age, with intervals, and where the policy retrains."""

from __future__ import annotations

from io import StringIO

from history.backtesting import BacktestReport
from training.evaluation.canvas import BLUE, GREY, ORANGE, axes, label

_DAY_S = 86_400
_POINT = 4.0


def draw_ages(report: BacktestReport) -> str:
    """The plot as SVG."""
    import matplotlib as mpl

    day = report.period_s / _DAY_S
    advice = report.advice
    shown = [each for each in report.ages if each.excess is not None]
    figure, plot = axes(f"{label(report.model)} by age", "age, days", f"{report.error} above a new model's, %")
    ages = [each.age * day for each in shown]
    plot.plot(ages, [100 * (each.excess or 0) for each in shown], color=BLUE, marker="o", markersize=_POINT)
    held = [
        (each.age * day, 100 * each.low, 100 * each.high)
        for each in shown
        if each.low is not None and each.high is not None
    ]
    plot.vlines(*zip(*held, strict=True), color=BLUE, linewidth=1, label="95 % of all intervals together")
    plot.axhline(100 * advice.least_gain, color=GREY, linewidth=1, label="gate.min_gain")
    if advice.policy_age_s <= ages[-1] * _DAY_S:
        plot.axvline(advice.policy_age_s / _DAY_S, color=GREY, linestyle="--", label="loop.max_age_s")
    if advice.every_s is not None:
        plot.axvline(advice.every_s / _DAY_S, color=ORANGE, label="worse from here on")
    plot.legend(fontsize=8)
    text = StringIO()
    # the same bytes for the same figures
    with mpl.rc_context({"svg.hashsalt": "ages"}):
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()
