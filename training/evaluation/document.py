"""A report as a document: everything that is said of a training run, as plain values for people and machines."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from training.evaluation.baseline import baseline_scores, naive_answers
from training.evaluation.evaluating import Evaluation
from training.learning.candidates import Candidate
from training.learning.comparison import compare, interval_of
from training.learning.metrics import deciding_metric, metrics_of
from training.learning.selection import Selection


def document_of(selection: Selection, evaluation: Evaluation) -> dict[str, Any]:
    """The report of a selection and its evaluation.

    Intervals over folds are corrected after Nadeau and Bengio (2003); that of the test figure is a bootstrap's.
    """
    learn, test, domain = selection.learn, evaluation.test, selection.learn.domain
    metric = deciding_metric(domain)
    naive = naive_answers(domain, learn.target, len(test))
    return {
        "domain": domain.name,
        "task": domain.task,
        "target": {"name": domain.target.name, "unit": domain.target.unit},
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {
            "source": learn.source,
            "training_rows": len(learn),
            "test_rows": len(test),
            "folds": len(selection.splits),
        },
        "metric": metric,
        "winner": _candidate(selection.winner, selection),
        "candidates": [_candidate(one, selection) for one in selection.candidates],
        "baseline": {
            "mean": float(np.mean(baseline_scores(selection))),
            "test": metrics_of(domain, test.target, naive)[metric],
        },
        "test": {
            "figures": dict(evaluation.on_test),
            "interval": dict(zip(("low", "high"), evaluation.test_interval, strict=True)),
        },
        "out_of_fold": dict(evaluation.out_of_fold),
        "segments": {
            "out_of_fold": [asdict(part) for part in evaluation.parts],
            "test": [asdict(part) for part in evaluation.test_parts],
        },
    }


def _candidate(one: Candidate, selection: Selection) -> dict[str, Any]:
    low, high = interval_of(one.folds.scores, selection.splits)
    against = None
    if one.name != selection.winner.name:
        scores, others = selection.winner.folds.scores, one.folds.scores
        against = asdict(compare(scores, others, selection.learn.domain, selection.splits))
    return {
        "name": one.name,
        "mean": one.mean,
        "sd": one.sd,
        "low": low,
        "high": high,
        "us_per_row": one.us_per_row,
        "is_affordable": one.is_affordable,
        "seconds": one.seconds,
        "params": {key: _plain(value) for key, value in one.params.items()},
        "search": asdict(one.search) if one.search else None,
        "fold_scores": one.folds.scores.tolist(),
        "winner_gains": against,
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | None) else str(value)
