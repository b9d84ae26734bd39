"""The figures of a contender on the outer test rows: the deciding loss first, the others beside it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score, root_mean_squared_error

from training.data.tables import Table

LEAST = float(np.finfo(np.float32).eps)
"""Smallest probability: what single precision, in which models answer, tells from 0 beside 1."""


def scores_of(test: Table, predicted: NDArray[np.float64]) -> dict[str, float]:
    """Figures of predictions for test rows; the first one decides, and less of it is better.

    Args:
        test: the rows.
        predicted: numbers (n,), or probabilities (n, classes) in the order of the domain's classes.

    Returns:
        rmse for a regression; log_loss, accuracy, macro_f1 and auc for classes. With more than two classes, auc is the
        mean over pairs of classes (Hand and Till 2001).

    Raises:
        ValueError: a prediction is not finite.
    """
    names = test.domain.target.classes
    if not names:
        return {"rmse": float(root_mean_squared_error(test.target, predicted))}
    codes = class_codes(test)
    shares = np.clip(predicted, LEAST, 1.0)
    shares = shares / shares.sum(axis=1, keepdims=True)
    chosen = shares.argmax(axis=1)
    several = {} if len(names) == 2 else {"multi_class": "ovo"}  # noqa: PLR2004
    return {
        "log_loss": float(log_loss(codes, shares, labels=range(len(names)))),
        "accuracy": float(accuracy_score(codes, chosen)),
        "macro_f1": float(f1_score(codes, chosen, average="macro")),
        "auc": float(roc_auc_score(codes, shares if several else shares[:, 1], labels=range(len(names)), **several)),
    }


def class_codes(table: Table) -> NDArray[np.int64]:
    """The classes of rows as their positions in the domain."""
    position = {name: code for code, name in enumerate(table.domain.target.classes)}
    return np.array([position[name] for name in table.target.tolist()], dtype=np.int64)


def deciding_score(scores: dict[str, float]) -> float:
    """The loss that decides."""
    return next(iter(scores.values()))
