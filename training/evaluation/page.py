"""A report as one HTML page that needs nothing else: styles and plots are inside it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}th,td{padding:.2rem .8rem;text-align:right}
th{border-bottom:1px solid #999;font-weight:600}td:first-child,th:first-child{text-align:left}
tr.chosen td{font-weight:600}figure{display:inline-block;margin:.5rem}img{max-width:100%}.note{color:#666}
"""
_HOW = (
    "Intervals over folds are corrected after Nadeau and Bengio (2003). Folds decide; the test rows were looked at "
    "once, for the winner."
)


def page_of(report: Mapping[str, Any], plots: Sequence[Path]) -> str:
    """The page of a report (see `training.evaluation.document`) with its plots, which are PNG files."""
    metric, unit = str(report["metric"]), report["target"]["unit"]
    test, interval = report["test"]["figures"], report["test"]["interval"]
    data = report["data"]
    title = f"{report['domain']}: {report['winner']['name']}"
    head = (
        f"{metric} {test[metric]:.4g} on {data['test_rows']} test rows (95 % interval {interval['low']:.4g} to "
        f"{interval['high']:.4g}, bootstrap); the naive baseline has {report['baseline']['test']:.4g}."
    )
    source = f"{data['source']}: {data['training_rows']} training rows in {data['folds']} folds"
    target = f"{report['target']['name']}{f', in {unit}' if unit else ''}"
    parts = [
        f"<h1>{escape(title)}</h1><p><b>{escape(head)}</b></p>",
        f"<p class=note>{escape(source)}. Target: {escape(target)}. Made {escape(report['made_at'])}.</p>",
        "<h2>Candidates</h2>",
        _candidates(report),
        f"<p class=note>{escape(_HOW)}</p>",
        *(f"<p class=note>{escape(told)}</p>" for told in _searches(report)),
        "<h2>Figures</h2>",
        _figures(report),
        "<h2>By segment</h2>",
        *(_segments(report, where) for where in ("out_of_fold", "test")),
        *(["<h2>Plots</h2>"] if plots else []),
        *(_plot(path) for path in plots),
    ]
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def _candidates(report: Mapping[str, Any]) -> str:
    metric, chosen = report["metric"], report["winner"]["name"]
    heads = ("model", f"{metric}, mean", "sd", "95 % interval", "µs a row", "the winner gains", "folds won by it")
    rows = []
    for one in report["candidates"]:
        gains = one["winner_gains"]
        gain = f"{gains['gain']:+.1%} ({gains['low']:+.1%} to {gains['high']:+.1%})" if gains else ""
        cost = f"{one['us_per_row']:.1f}" + ("" if one["is_affordable"] else " (too slow)")
        won = f"{gains['won']:.0%}" if gains else ""
        span = f"{one['low']:.4g} to {one['high']:.4g}"
        rows.append((one["name"], f"{one['mean']:.4g}", f"{one['sd']:.4g}", span, cost, gain, won))
    rows.append(("naive baseline", f"{report['baseline']['mean']:.4g}", "", "", "", "", ""))
    return _table(heads, rows, chosen)


def _searches(report: Mapping[str, Any]) -> Iterator[str]:
    for one in report["candidates"]:
        if searched := one["search"]:
            cut = "; the time was up before the trials were" if searched["is_cut"] else ""
            yield (
                f"Searched {one['name']}: {searched['trials']} trials, {searched['pruned']} of them given up, in "
                f"{searched['seconds']:.0f} s{cut}."
            )


def _figures(report: Mapping[str, Any]) -> str:
    test, out_of_fold = report["test"]["figures"], report["out_of_fold"]
    names = [*test, *(name for name in out_of_fold if name not in test)]
    rows = [(name, _number(test.get(name)), _number(out_of_fold.get(name))) for name in names]
    return _table(("figure", "test rows", "out of fold"), rows)


def _segments(report: Mapping[str, Any], where: str) -> str:
    parts = report["segments"][where]
    if not parts:
        return ""
    names = list(parts[0]["figures"])
    title = "out of fold" if where == "out_of_fold" else "test rows"
    rows = [(one["name"], str(one["rows"]), *(_number(one["figures"].get(name)) for name in names)) for one in parts]
    return _table((title, "rows", *names), rows)


def _plot(path: Path) -> str:
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<figure><img alt="{escape(path.stem)}" src="data:image/png;base64,{data}"></figure>'


def _table(heads: Iterable[str], rows: Iterable[Sequence[str]], chosen: str = "") -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in heads)
    body = "".join(
        f"<tr{' class=chosen' if row[0] == chosen else ''}>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
