"""The gate's rules on figures: pure functions from fold records and limits to checks.

A figure that is missing or not finite fails its check.
"""

from __future__ import annotations

import numpy as np

from schemas.domain import Domain
from schemas.sections import GateSettings
from training.evaluation.figures import figures_of
from training.evaluation.segments import figures_by_segment, segments_of
from training.gate.champion_comparison import ChampionComparison
from training.gate.record import FoldRecord
from training.gate.report import Check
from training.learning.comparison import compare
from training.learning.folding import FoldResult
from training.learning.metrics import deciding_metric

_QUALITY, _ERRORS = ("better", "worse"), ("fewer errors", "more errors")
"""Words for a positive and a negative change."""


def at_least(name: str, value: float | None, limit: float, unit: str = "") -> Check:
    """Check that a figure reaches a limit; the unit follows both."""
    is_passed = value is not None and np.isfinite(value) and value >= limit
    return _check(name, f"{_shown(value, unit)}; must be at least {limit:g}{unit}", is_passed=bool(is_passed))


def at_most(name: str, value: float | None, limit: float, unit: str = "") -> Check:
    """Check that a figure stays within a limit; the unit follows both."""
    is_passed = value is not None and np.isfinite(value) and value <= limit
    return _check(name, f"{_shown(value, unit)}; must be at most {limit:g}{unit}", is_passed=bool(is_passed))


def change_at_least(
    name: str, change: float, limit: float, details: str = "", words: tuple[str, str] = _QUALITY
) -> Check:
    """Check a change against the champion; change and limit are shares of its figure, positive for an improvement."""
    required = f"at least {100 * limit:g} % {words[0]}" if limit > 0 else f"at most {100 * abs(limit):g} % {words[1]}"
    if not np.isfinite(change):
        return _check(name, f"no finite value{details}; must be {required}", is_passed=False)
    shown = f"{100 * abs(change):.4g} % {words[0] if change >= 0 else words[1]} than the champion"
    return _check(name, f"{shown}{details}; must be {required}", is_passed=bool(change >= limit))


def absolute_checks(record: FoldRecord, gate: GateSettings) -> list[Check]:
    """Check a version by itself: enough rows, good figures out of fold, a small bias."""
    domain = record.train.domain
    rows = at_least("rows", len(record.train), gate.min_rows, " training rows")
    mean = float(np.mean(record.scores)) if len(record.scores) else None
    if domain.target.classes:
        return [rows, at_least("accuracy", mean, gate.min_accuracy)]
    limit = gate.max_rmse.get(domain.name)
    unset = f"no limit is set for domain {domain.name} (gate.max_rmse)"
    rmse = Check(name="rmse", outcome="skipped", reason=unset) if limit is None else at_most("rmse", mean, limit)
    # scikit-learn raises an error for predictions that are not finite
    is_finite = bool(np.isfinite(record.out_of_fold).all())
    figures = figures_of(domain, record.train.target, record.out_of_fold) if is_finite else {}
    bias = 100 * abs(figures["bias_share"]) if is_finite else None
    return [
        rows,
        rmse,
        at_least("r2", figures.get("r2"), gate.min_r2),
        at_most("bias", bias, 100 * gate.max_bias, " % of the target's mean"),
    ]


def comparison_checks(comparison: ChampionComparison, gate: GateSettings) -> list[Check]:
    """Check a version against the champion on the same folds."""
    record, champion = comparison.version, comparison.champion
    domain = record.train.domain
    try:
        result = compare(record.scores, champion.scores, domain, record.splits)
    except ValueError as error:
        return [_check(name, str(error), is_passed=False) for name in ("gain", "folds_won", "lower_bound")]
    champion_mean = float(np.mean(champion.scores))
    gain, words = result.gain, _QUALITY
    if domain.target.classes:
        # an accuracy of 0.995 leaves no room for a gain of 1 %; its errors do
        gain = result.gain * champion_mean / (1 - champion_mean) if champion_mean < 1 else 0.0
        words = _ERRORS
    means = f" ({deciding_metric(domain)} {float(np.mean(record.scores)):.4g} against {champion_mean:.4g})"
    return [
        change_at_least("gain", gain, gate.min_gain, means, words),
        at_least("folds_won", 100 * result.won, 100 * gate.min_folds_won, f" % of {result.folds} folds"),
        change_at_least("lower_bound", result.low, gate.min_lower_bound, " at the lower end of the interval"),
        _check_segments(record, champion, gate),
        *([_check_old_rows(domain, *comparison.old_rows, gate)] if comparison.old_rows else []),
    ]


def _check_segments(record: FoldRecord, champion: FoldResult, gate: GateSettings) -> Check:
    """Check the segment with the largest loss, among those with enough validation rows."""
    rows = record.validation_rows
    train, domain = record.train.take(rows), record.train.domain
    metric = deciding_metric(domain)
    segments = [
        each for each in segments_of(domain, train.frame, train.frame) if len(each.rows) >= gate.min_segment_rows
    ]
    if not segments:
        reason = f"no segment of {domain.name} has {gate.min_segment_rows} rows or more"
        return Check(name="segments", outcome="skipped", reason=reason)
    try:
        figures = figures_by_segment(domain, segments, train.target, record.out_of_fold[rows])
        champion_figures = figures_by_segment(domain, segments, train.target, champion.out_of_fold[rows])
    except ValueError as error:
        return _check("segments", str(error), is_passed=False)
    losses = {
        own.name: _loss(domain, own.figures[metric], other.figures[metric])
        for own, other in zip(figures, champion_figures, strict=True)
    }
    worst = max(losses, key=losses.__getitem__)
    return change_at_least("segments", -losses[worst], -gate.max_segment_loss, f" in {worst}")


def _check_old_rows(domain: Domain, value: float, champion: float, gate: GateSettings) -> Check:
    """Check the deciding metric on the champion's own training rows: learning new rows must not lose the old ones."""
    words = _QUALITY
    if domain.target.classes:
        value, champion, words = 1 - value, 1 - champion, _ERRORS
    change = (champion - value) / max(champion, np.finfo(float).tiny)
    return change_at_least("old_rows", change, -gate.max_old_loss, " on the champion's own rows", words)


def _loss(domain: Domain, value: float, champion: float) -> float:
    """How much worse a figure is, as a share of the champion's."""
    loss = champion - value if domain.target.classes else value - champion
    return loss / champion if champion else (np.inf if loss > 0 else 0.0)


def _shown(value: float | None, unit: str) -> str:
    return "no finite value" if value is None or not np.isfinite(value) else f"{value:.4g}{unit}"


def _check(name: str, reason: str, *, is_passed: bool) -> Check:
    return Check(name=name, outcome="passed" if is_passed else "failed", reason=reason)
