"""The gate's rules on figures: pure functions from fold records and limits to checks.

A figure that is missing or not finite fails its check.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schemas.interval_settings import IntervalSettings
from schemas.sections import GateSettings
from training.data.tables import Table
from training.evaluation.figures import figures_of
from training.evaluation.segments import SegmentRows, segments_of
from training.gate.champion_comparison import ChampionComparison
from training.gate.record import FoldRecord
from training.gate.report import Check
from training.learning.comparison import compare
from training.learning.conformal import cross_reach
from training.learning.folding import FoldResult
from training.learning.metrics import loss_of, score
from training.learning.naive import naive_scores

_QUALITY = ("better", "worse")
"""Words for a positive and a negative change."""


def at_least(name: str, value: float | None, limit: float, unit: str = "") -> Check:
    """Check that a figure reaches a limit; the unit follows both."""
    is_passed = value is not None and np.isfinite(value) and value >= limit
    return _check(name, f"{_shown(value, unit)}; must be at least {limit:g}{unit}", is_passed=bool(is_passed))


def at_most(name: str, value: float | None, limit: float, unit: str = "") -> Check:
    """Check that a figure stays within a limit; the unit follows both."""
    is_passed = value is not None and np.isfinite(value) and value <= limit
    return _check(name, f"{_shown(value, unit)}; must be at most {limit:g}{unit}", is_passed=bool(is_passed))


def change_at_least(name: str, change: float, limit: float, details: str = "") -> Check:
    """Check a change against the champion; change and limit are shares of its figure, positive for an improvement."""
    required = (
        f"at least {100 * limit:g} % {_QUALITY[0]}" if limit > 0 else f"at most {100 * abs(limit):g} % {_QUALITY[1]}"
    )
    if not np.isfinite(change):
        return _check(name, f"no finite value{details}; must be {required}", is_passed=False)
    shown = f"{100 * abs(change):.4g} % {_QUALITY[change < 0]} than the champion"
    return _check(name, f"{shown}{details}; must be {required}", is_passed=bool(change >= limit))


def absolute_checks(record: FoldRecord, gate: GateSettings) -> list[Check]:
    """Check a version by itself: enough rows, better than the naive answer, the domain's own limits, a small bias."""
    domain, limits = record.train.domain, record.train.domain.limits
    checks = [
        at_least("rows", len(record.train), limits.min_rows or gate.min_rows, " training rows"),
        skill_check(record, gate),
    ]
    # scikit-learn raises an error for predictions that are not finite
    is_finite = bool(np.isfinite(record.predictions).all())
    figures = figures_of(domain, record.train.target, record.out_of_fold, record.probabilities) if is_finite else {}
    if domain.target.classes:
        least = limits.min_accuracy
        return [*checks, *([] if least is None else [at_least("accuracy", figures.get("accuracy"), least)])]
    if limits.max_rmse is not None:
        checks.append(at_most("rmse", figures.get("rmse"), limits.max_rmse))
    if limits.min_r2 is not None:
        checks.append(at_least("r2", figures.get("r2"), limits.min_r2))
    bias = abs(figures["bias_sd"]) if is_finite else None
    return [*checks, at_most("bias", bias, gate.max_bias, " sd of the target")]


def skill_check(record: FoldRecord, gate: GateSettings) -> Check:
    """Check that a version is better than the naive answer, which knows the target's mean or the classes' shares.

    Permuted targets have no skill, but their accuracy can be the share of the largest class. The gain must be at least
    `gate.min_skill`, and the corrected interval of its mean over folds (Nadeau and Bengio 2003) must be above 0.
    A share of 0 turns the check off.
    """
    if not gate.min_skill:
        return Check(name="skill", outcome="skipped", reason="gate.min_skill is 0")
    naive = naive_scores(record.train, record.metric, record.splits)
    try:
        result = compare(record.scores, naive, record.metric, record.splits)
    except ValueError as error:
        return _check("skill", str(error), is_passed=False)
    own, others = float(np.mean(record.scores)), float(np.mean(naive))
    shown = (
        f"{100 * abs(result.gain):.4g} % {_QUALITY[result.gain < 0]} than the naive answer "
        f"({record.metric} {own:.4g} against {others:.4g}; "
        f"interval {100 * result.low:.3g} to {100 * result.high:.3g} %)"
    )
    is_passed = result.gain >= gate.min_skill and result.low > 0
    return _check("skill", f"{shown}; must be at least {100 * gate.min_skill:g} %, and above 0 %", is_passed=is_passed)


def comparison_checks(comparison: ChampionComparison, gate: GateSettings, interval: IntervalSettings) -> list[Check]:
    """Check a version against the champion on the same folds."""
    record, champion = comparison.version, comparison.champion
    try:
        result = compare(record.scores, champion.scores, record.metric, record.splits)
    except ValueError as error:
        return [_check(name, str(error), is_passed=False) for name in ("gain", "folds_won", "lower_bound")]
    means = f" ({record.metric} {float(np.mean(record.scores)):.4g} against {float(np.mean(champion.scores)):.4g})"
    return [
        change_at_least("gain", result.gain, gate.min_gain, means),
        at_least("folds_won", 100 * result.won, 100 * gate.min_folds_won, f" % of {result.folds} folds"),
        change_at_least("lower_bound", result.low, gate.min_lower_bound, " at the lower end of the interval"),
        _check_width(record, champion, interval),
        _check_segments(record, champion, gate),
        *([_check_old_rows(record.metric, *comparison.old_rows, gate)] if comparison.old_rows else []),
    ]


def _check_segments(record: FoldRecord, champion: FoldResult, gate: GateSettings) -> Check:
    """Check the segment with the largest loss, among those with enough validation rows."""
    rows = record.validation_rows
    train, domain = record.train.take(rows), record.train.domain
    segments = [
        each for each in segments_of(domain, train.frame, train.frame) if len(each.rows) >= gate.min_segment_rows
    ]
    if not segments:
        reason = f"no segment of {domain.name} has {gate.min_segment_rows} rows or more"
        return Check(name="segments", outcome="skipped", reason=reason)
    own = record.predictions[rows]
    others = (champion.out_of_fold if champion.probabilities is None else champion.probabilities)[rows]
    if not (np.isfinite(own).all() and np.isfinite(others).all()):
        return _check("segments", "a prediction is not a finite number", is_passed=False)
    losses = {
        each.name: _loss(*(_loss_in(each, train, record.metric, predictions) for predictions in (own, others)))
        for each in segments
    }
    worst = max(losses, key=losses.__getitem__)
    return change_at_least("segments", -losses[worst], -gate.max_segment_loss, f" in {worst}")


def _check_width(record: FoldRecord, champion: FoldResult, interval: IntervalSettings) -> Check:
    """Check that intervals or prediction sets of the same coverage are hardly wider: else the version is less sure.

    Both are calibrated on the same rows, and each row is measured by a calibration that it had no part in.
    """
    if interval.coverage is None:
        return Check(name="width", outcome="skipped", reason="interval.coverage is null")
    rows, domain = record.validation_rows, record.train.domain
    splits = [(train, np.searchsorted(rows, validation)) for train, validation in record.splits]
    predictions = record.predictions, champion.out_of_fold if champion.probabilities is None else champion.probabilities
    own, others = (
        cross_reach(domain, each[rows], record.train.target[rows], splits, interval.coverage) for each in predictions
    )
    if own is None or others is None:
        reason = f"{len(rows)} rows are too few for intervals of {interval.coverage:.0%}"
        return Check(name="width", outcome="skipped", reason=reason)
    wider = _loss(own.width, others.width)
    reason = (
        f"{100 * abs(wider):.4g} % {'wider' if wider > 0 else 'narrower'} than the champion's "
        f"(mean {'number of classes' if domain.target.classes else 'width'} {own.width:.4g} against "
        f"{others.width:.4g}); must be at most {100 * interval.max_wider:g} % wider"
    )
    return _check("width", reason, is_passed=wider <= interval.max_wider)


def _check_old_rows(metric: str, value: float, champion: float, gate: GateSettings) -> Check:
    """Check the deciding metric on the champion's own training rows: learning new rows must not lose the old ones."""
    change = -_loss(loss_of(metric, value), loss_of(metric, champion))
    return change_at_least("old_rows", change, -gate.max_old_loss, " on the champion's own rows")


def _loss_in(segment: SegmentRows, table: Table, metric: str, predictions: NDArray[np.float64]) -> float:
    value = score(table.domain, metric, table.target[segment.rows], predictions[segment.rows])
    # the area under a curve is not defined where all rows are of one class
    return 0.0 if np.isnan(value) else loss_of(metric, value)


def _loss(value: float, champion: float) -> float:
    """How much larger a loss is, as a share of the champion's."""
    change = value - champion
    return change / champion if champion else (np.inf if change > 0 else 0.0)


def _shown(value: float | None, unit: str) -> str:
    return "no finite value" if value is None or not np.isfinite(value) else f"{value:.4g}{unit}"


def _check(name: str, reason: str, *, is_passed: bool) -> Check:
    return Check(name=name, outcome="passed" if is_passed else "failed", reason=reason)
