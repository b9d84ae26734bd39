"""The importance of features for a model's predictions, by permutation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.inspection import permutation_importance

from training.data.tables import Table

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

SAMPLE_ROWS = 300
SHUFFLES = 3


def importances(pipeline: Pipeline, table: Table, seed: int) -> dict[str, float]:
    """The loss of score when a raw column is shuffled, by column, the most important first.

    The score is R² for a regression and accuracy for a classification, on at most 300 rows; the mean of three shuffles
    (Breiman 2001, Random Forests, section 10).

    Args:
        pipeline: fitted; takes the domain's raw columns.
        table: rows to score.
        seed: of the sample and the shuffles.
    """
    rows = np.random.default_rng(seed).permutation(len(table))[:SAMPLE_ROWS]
    sample = table.take(np.sort(rows))
    means = permutation_importance(
        pipeline, sample.frame, sample.target, n_repeats=SHUFFLES, random_state=seed, n_jobs=1
    ).importances_mean.tolist()
    ranked = sorted(zip(sample.frame.columns, means, strict=True), key=lambda pair: -pair[1])
    return {str(name): loss for name, loss in ranked}
