"""The report on a training run as a document of JSON values."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from training.evaluation.baseline import baseline_scores, naive_predictions
from training.evaluation.evaluating import Evaluation
from training.learning.candidates import Candidate
from training.learning.comparison import compare, interval_of
from training.learning.metrics import deciding_metric, metrics_of
from training.learning.selection import Selection


def document_of(selection: Selection, evaluation: Evaluation) -> dict[str, Any]:
    """The report on a selection and its evaluation.

    Intervals over folds are corrected after Nadeau and Bengio (2003); the interval of the test figure is a bootstrap.
    """
    train, test, domain = selection.train, evaluation.test, selection.train.domain
    metric = deciding_metric(domain)
    naive = naive_predictions(domain, train.target, len(test))
    return {
        "domain": domain.name,
        "task": domain.task,
        "target": {"name": domain.target.name, "unit": domain.target.unit},
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {
            "source": train.source,
            "training_rows": len(train),
            "test_rows": len(test),
            "folds": len(selection.splits),
        },
        "metric": metric,
        "winner": _candidate(selection.winner, selection),
        "candidates": [_candidate(candidate, selection) for candidate in selection.candidates],
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
            "out_of_fold": [asdict(segment) for segment in evaluation.segments],
            "test": [asdict(segment) for segment in evaluation.test_segments],
        },
    }


def _candidate(candidate: Candidate, selection: Selection) -> dict[str, Any]:
    low, high = interval_of(candidate.folds.scores, selection.splits)
    comparison = None
    if candidate.name != selection.winner.name:
        scores, others = selection.winner.folds.scores, candidate.folds.scores
        comparison = asdict(compare(scores, others, selection.train.domain, selection.splits))
    return candidate.figures() | {
        "low": low,
        "high": high,
        "params": {key: _plain(value) for key, value in candidate.params.items()},
        "fold_scores": candidate.folds.scores.tolist(),
        "winner_gains": comparison,
    }


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | None) else str(value)
