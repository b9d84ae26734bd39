"""An evaluation in a folder: its figures for people and tools, and the predictions, which are made only once."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from training.data.tables import Table
from training.evaluation.evaluating import Evaluation, evaluation_of
from training.learning.metrics import deciding_metric
from training.learning.selection import Selection

METRICS_FILE = "metrics.json"
PREDICTIONS_FILE = "predictions.csv"
FOLDS_FILE = "folds.csv"
ARRAYS_FILE = "predictions.npz"


def store_evaluation(evaluation: Evaluation, selection: Selection, folder: Path) -> None:
    """Write metrics, predictions of the test rows and each candidate's score on each fold into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = json.dumps(dict(sorted(evaluation.metrics.items())), indent=2)
    (folder / METRICS_FILE).write_text(figures + "\n", encoding="utf-8")
    rows = {"row": evaluation.test.positions, "actual": evaluation.test.target, "predicted": evaluation.predicted}
    pd.DataFrame(rows).to_csv(folder / PREDICTIONS_FILE, index=False)
    metric = deciding_metric(evaluation.test.domain)
    scores = [
        {"fold": number, "model": one.name, "metric": metric, "score": score}
        for one in selection.candidates
        for number, score in enumerate(one.folds.scores.tolist(), start=1)
    ]
    pd.DataFrame(scores).to_csv(folder / FOLDS_FILE, index=False)
    arrays = {"predicted": evaluation.predicted}
    if evaluation.probabilities is not None:
        arrays["probabilities"] = evaluation.probabilities
    np.savez(folder / ARRAYS_FILE, allow_pickle=False, **arrays)


def load_evaluation(folder: Path, selection: Selection, test: Table) -> Evaluation:
    """Read back what `store_evaluation` wrote of a selection and its test rows; nothing is predicted again."""
    with np.load(folder / ARRAYS_FILE, allow_pickle=False) as arrays:
        return evaluation_of(selection, test, arrays["predicted"], arrays.get("probabilities"))
