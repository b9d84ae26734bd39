"""A backtest as a table, and its answer in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from history.ages import AgeError
from history.backtesting import BacktestReport
from tasador.cli.formatting import printable, significant
from tasador.cli.terminal_table import TableColumn, TerminalTable

_DAY_S, _HOUR_S = 86_400, 3600
_SIGN = "worse"


def backtest_table(report: BacktestReport) -> TerminalTable:
    """A row for each age."""
    columns = (
        *(TableColumn(head, is_number=True) for head in ("AGE", "PERIODS", report.error.upper(), "OF A NEW MODEL")),
        *(TableColumn(head, is_number=True) for head in ("ABOVE IT (%)", "FROM (%)", "TO (%)")),
        TableColumn(""),
    )
    title = (
        f"{printable(report.source)}: {report.rows:,} rows of {report.since:%Y-%m-%d} to {report.until:%Y-%m-%d}, "
        f"{report.refits} refits of {report.model}"
    )
    legend = (
        "",
        "AGE: of the model when the predicted period begins.",
        "FROM, TO: interval, 95 % for all ages together.",
        f"{_SIGN}: surely, and by at least gate.min_gain ({report.advice.least_gain:.1%}).",
    )
    rows = [_cells(each, report) for each in report.ages]
    return TerminalTable(columns, rows, title, legend)


def _cells(each: AgeError, report: BacktestReport) -> tuple[str, ...]:
    shares = (each.excess, each.low, each.high)
    return (
        format_span(each.age * report.period_s),
        str(each.periods),
        significant(each.error),
        significant(each.fresh),
        *("" if share is None else f"{100 * share:+.1f}" for share in shares),
        _SIGN if each.is_worse(report.advice.least_gain) else "",
    )


def advice_lines(report: BacktestReport) -> Iterator[str]:
    """How often to retrain, and what the policy does."""
    advice = report.advice
    if advice.every_s is None:
        seen = format_span(advice.seen_until_s)
        yield f"no sign that models become worse up to an age of {seen}: retraining more often gains nothing here"
    elif advice.every_s == report.period_s:
        yield f"retrain at least every {format_span(advice.every_s)}, or more often: try a shorter --period"
    else:
        yield f"retrain at least every {format_span(advice.every_s)}: older models are worse than new ones"
    policy = format_span(advice.policy_age_s)
    if advice.policy_excess is not None:
        excess = f"{advice.policy_excess:+.1%} beside new models on average"
    elif advice.policy_age_s < report.period_s:
        excess = "less than a period here"
    else:
        excess = "longer than these rows can say"
    yield f"the policy retrains at {policy} (loop.max_age_s): {excess}"
    if advice.policy_gain_at_s is None:
        reached = "which no age reaches here"
    else:
        reached = f"which models reach at {format_span(advice.policy_gain_at_s)}"
    yield f"and earlier if the error grows by {advice.policy_gain:.0%} (loop.max_error_gain), {reached}"


def format_span(seconds: float) -> str:
    """A time in days, or in hours below two days."""
    return f"{seconds / _DAY_S:.3g} d" if seconds >= 2 * _DAY_S or not seconds else f"{seconds / _HOUR_S:.3g} h"
