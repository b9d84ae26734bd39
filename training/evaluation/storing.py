"""Stores an evaluation in a folder: metrics and predictions as text, and predictions as arrays to read back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from training.data.tables import Table
from training.evaluation.evaluating import Evaluation, evaluation_of
from training.learning.selection import Selection

METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.csv"
FOLDS_FILE = "folds.csv"
ARRAYS_FILE = "predictions.npz"


def store_evaluation(evaluation: Evaluation, selection: Selection, folder: Path) -> None:
    """Write metrics, predictions of the test rows, and the score of each candidate on each fold."""
    folder.mkdir(parents=True, exist_ok=True)
    metrics = json.dumps(dict(sorted(evaluation.metrics.items())), indent=2)
    (folder / METRICS_FILE).write_text(metrics + "\n", encoding="utf-8")
    rows = {"row": evaluation.test.positions, "actual": evaluation.test.target, "predicted": evaluation.predicted}
    pd.DataFrame(rows).to_csv(folder / PREDICTIONS_FILE, index=False)
    metric = selection.metric
    scores = [
        {"fold": number, "model": candidate.name, "metric": metric, "score": score}
        for candidate in selection.candidates
        for number, score in enumerate(candidate.folds.scores.tolist(), start=1)
    ]
    pd.DataFrame(scores).to_csv(folder / FOLDS_FILE, index=False)
    arrays = {"predicted": evaluation.predicted}
    if evaluation.probabilities is not None:
        arrays["probabilities"] = evaluation.probabilities
    np.savez(folder / ARRAYS_FILE, allow_pickle=False, **arrays)


def load_evaluation(folder: Path, selection: Selection, test: Table) -> Evaluation:
    """Read what `store_evaluation` wrote, without predicting again."""
    with np.load(folder / ARRAYS_FILE, allow_pickle=False) as arrays:
        return evaluation_of(selection, test, arrays["predicted"], arrays.get("probabilities"))
