"""The report on a training run as a document of JSON values.

`training.evaluation.logged_report` adds the version and the gate's verdict, which come later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import numpy as np

from training.evaluation.composition import components_of, plain
from training.evaluation.evaluating import Evaluation
from training.evaluation.segments import SegmentFigures, segments_of
from training.learning.candidates import Candidate
from training.learning.comparison import compare, interval_of
from training.learning.metrics import score
from training.learning.naive import naive_predictions, naive_scores
from training.learning.selection import Selection

LEAST_SEGMENT_ROWS = 30
"""Rows that a part of a segment needs to be shown: figures of fewer rows are mostly chance."""


def document_of(selection: Selection, evaluation: Evaluation) -> dict[str, Any]:
    """The report on a selection and its evaluation.

    Intervals over folds are corrected after Nadeau and Bengio (2003); the interval of the test figure is a bootstrap.
    """
    train, test, domain = selection.train, evaluation.test, selection.train.domain
    metric = selection.metric
    naive = naive_predictions(train, metric, train.target, len(test))
    return {
        "domain": domain.name,
        "task": domain.task,
        "target": {"name": domain.target.name, "unit": domain.target.unit},
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": None,
        "run_id": None,
        "gate": None,
        "data": {
            "source": train.source,
            "training_rows": len(train),
            "test_rows": len(test),
            "folds": len(selection.splits),
        },
        "metric": metric,
        "plan": selection.plan.figures() | {"spent": selection.spent, "stopped_after": selection.stopped_after},
        "winner": _candidate(selection.winner, selection),
        "composition": [
            asdict(component) | {"steps": list(component.steps)} for component in components_of(selection.pipeline)
        ],
        "candidates": [_candidate(candidate, selection) for candidate in selection.candidates],
        "baseline": {
            "mean": float(np.mean(naive_scores(train, metric, selection.splits))),
            "test": score(domain, metric, test.target, naive),
        },
        "test": {
            "figures": dict(evaluation.on_test),
            "interval": dict(zip(("low", "high"), evaluation.test_interval, strict=True)),
        },
        "out_of_fold": dict(evaluation.out_of_fold),
        "segments": {
            "least_rows": LEAST_SEGMENT_ROWS,
            "out_of_fold": _segments(evaluation.segments, len(segments_of(domain, train.frame, train.frame))),
            "test": _segments(evaluation.test_segments, len(segments_of(domain, test.frame, train.frame))),
        },
        "intervals": None if evaluation.intervals is None else evaluation.intervals.as_document(),
        "plots": [],
    }


def _segments(segments: Sequence[SegmentFigures], count: int) -> dict[str, Any]:
    """The parts of segments that have enough rows, and how many of all `count` parts have not."""
    shown = [asdict(segment) for segment in segments if segment.rows >= LEAST_SEGMENT_ROWS]
    return {"parts": shown, "dropped": count - len(shown)}


def _candidate(candidate: Candidate, selection: Selection) -> dict[str, Any]:
    low, high = interval_of(candidate.folds.scores, selection.splits)
    comparison = None
    if candidate.name != selection.winner.name:
        scores, others = selection.winner.folds.scores, candidate.folds.scores
        comparison = asdict(compare(scores, others, selection.metric, selection.splits))
    return candidate.figures() | {
        "low": low,
        "high": high,
        "params": {key: plain(value) for key, value in candidate.params.items()},
        "fold_scores": candidate.folds.scores.tolist(),
        "winner_gains": comparison,
    }
