"""Which features a model's predictions hang on."""

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
    """What the score loses when a column is shuffled, by raw column, the most important first.

    The score is R² of a regression and accuracy of a classification, over at most 300 of the rows; the mean of three
    shuffles (Breiman 2001, Random Forests, section 10).

    Args:
        pipeline: fitted; takes the domain's raw columns.
        table: rows to try it on.
        seed: of the sample and the shuffles.
    """
    rows = np.random.default_rng(seed).permutation(len(table))[:SAMPLE_ROWS]
    sample = table.take(np.sort(rows))
    found = permutation_importance(
        pipeline, sample.frame, sample.target, n_repeats=SHUFFLES, random_state=seed, n_jobs=1
    )
    ranked = sorted(zip(sample.frame.columns, found.importances_mean.tolist(), strict=True), key=lambda pair: -pair[1])
    return {str(name): loss for name, loss in ranked}
