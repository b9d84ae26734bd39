"""The gate's rules on figures: pure functions from fold records and limits to checks.

A figure that is missing, or no finite number, fails its check: nothing passes because nobody could look.
"""

from __future__ import annotations

import numpy as np

from schemas.domain import Domain
from schemas.sections import GateSettings
from training.evaluation.figures import figures_of
from training.evaluation.segments import figures_by_part, parts_of
from training.gate.contest import Contest
from training.gate.record import FoldRecord
from training.gate.report import Check, Outcome
from training.learning.comparison import compare
from training.learning.folding import FoldResult
from training.learning.metrics import deciding_metric


def at_least(name: str, value: float | None, limit: float, unit: str = "") -> Check:
    """That a figure reaches a limit; `unit` is said after both."""
    if value is None or not np.isfinite(value):
        return Check(name=name, outcome="failed", reason=f"there is no such figure; {limit:g}{unit} is asked for")
    outcome: Outcome = "passed" if value >= limit else "failed"
    return Check(name=name, outcome=outcome, reason=f"{value:.4g}{unit}, at least {limit:g} is asked for")


def at_most(name: str, value: float | None, limit: float, unit: str = "") -> Check:
    """That a figure stays within a limit; `unit` is said after both."""
    if value is None or not np.isfinite(value):
        return Check(name=name, outcome="failed", reason=f"there is no such figure; {limit:g}{unit} is allowed")
    outcome: Outcome = "passed" if value <= limit else "failed"
    return Check(name=name, outcome=outcome, reason=f"{value:.4g}{unit}, at most {limit:g} is allowed")


def absolute_checks(record: FoldRecord, gate: GateSettings) -> list[Check]:
    """What a version must reach by itself: enough rows, good figures out of fold, no bias."""
    domain = record.learn.domain
    rows = at_least("rows", len(record.learn), gate.min_rows, " training rows")
    mean = float(np.mean(record.scores)) if len(record.scores) else None
    if domain.target.classes:
        return [rows, at_least("accuracy", mean, gate.min_accuracy)]
    limit = gate.max_rmse.get(domain.name)
    unset = f"no limit is set for domain {domain.name} (gate.max_rmse)"
    rmse = Check(name="rmse", outcome="skipped", reason=unset) if limit is None else at_most("rmse", mean, limit)
    # a prediction that is no number has no figures, and scikit-learn says so with an error
    is_whole = bool(np.isfinite(record.out_of_fold).all())
    figures = figures_of(domain, record.learn.target, record.out_of_fold) if is_whole else {}
    bias = 100 * abs(figures["bias_share"]) if is_whole else None
    return [
        rows,
        rmse,
        at_least("r2", figures.get("r2"), gate.min_r2),
        at_most("bias", bias, 100 * gate.max_bias, " % of the target's mean"),
    ]


def comparison_checks(contest: Contest, gate: GateSettings) -> list[Check]:
    """What a version must reach against the champion on the same folds.

    Args:
        contest: what both did.
        gate: the limits.
    """
    record, champion = contest.ours, contest.theirs
    domain = record.learn.domain
    try:
        found = compare(record.scores, champion.scores, domain, record.splits)
    except ValueError as error:
        return [Check(name=name, outcome="failed", reason=str(error)) for name in ("gain", "folds_won", "lower_bound")]
    metric, theirs = deciding_metric(domain), float(np.mean(champion.scores))
    gain, of_what = found.gain, metric
    if domain.target.classes:
        # nobody gains 1 % on an accuracy of 0.995; of the errors that are left one can
        gain, of_what = found.gain * theirs / (1 - theirs) if theirs < 1 else 0.0, "errors"
    unit = f" % of the champion's {of_what}"
    gained = at_least("gain", 100 * gain, 100 * gate.min_gain, unit)
    means = f"{gained.reason} ({metric} {float(np.mean(record.scores)):.4g} against {theirs:.4g})"
    return [
        gained.model_copy(update={"reason": means}),
        at_least("folds_won", 100 * found.won, 100 * gate.min_folds_won, f" % of {found.folds} folds"),
        at_least("lower_bound", 100 * found.low, 100 * gate.min_lower_bound, f" % of the champion's {metric}"),
        _segments(record, champion, gate),
        *([_old_rows(domain, *contest.old, gate)] if contest.old else []),
    ]


def _segments(record: FoldRecord, champion: FoldResult, gate: GateSettings) -> Check:
    """That no part of the table got much worse: the largest loss among parts that have enough rows that judge."""
    judged = np.unique(np.concatenate([judge for _, judge in record.splits]))
    learn, domain = record.learn.take(judged), record.learn.domain
    metric = deciding_metric(domain)
    parts = [part for part in parts_of(domain, learn.frame, learn.frame) if len(part.rows) >= gate.min_segment_rows]
    if not parts:
        reason = f"{domain.name} has no segment of {gate.min_segment_rows} rows"
        return Check(name="segments", outcome="skipped", reason=reason)
    try:
        ours = figures_by_part(domain, parts, learn.target, record.out_of_fold[judged])
        theirs = figures_by_part(domain, parts, learn.target, champion.out_of_fold[judged])
    except ValueError as error:
        return Check(name="segments", outcome="failed", reason=str(error))
    losses = {
        one.name: 100 * _loss(domain, one.figures[metric], other.figures[metric])
        for one, other in zip(ours, theirs, strict=True)
    }
    worst = max(losses, key=losses.__getitem__)
    return at_most("segments", losses[worst], 100 * gate.max_segment_loss, f" % worse {metric} in {worst}")


def _old_rows(domain: Domain, ours: float, theirs: float, gate: GateSettings) -> Check:
    """That what the champion knew is not forgotten over what is new; of classes the loss is that of the errors."""
    metric, errors = (deciding_metric(domain), (ours, theirs))
    if domain.target.classes:
        metric, errors = "errors", (1 - ours, 1 - theirs)
    loss = 100 * (errors[0] - errors[1]) / max(errors[1], np.finfo(float).tiny)
    return at_most("old_rows", loss, 100 * gate.max_old_loss, f" % worse {metric} on the champion's own rows")


def _loss(domain: Domain, ours: float, theirs: float) -> float:
    """How much worse a figure is, as a share of the champion's."""
    worse = theirs - ours if domain.target.classes else ours - theirs
    return worse / theirs if theirs else (np.inf if worse > 0 else 0.0)
