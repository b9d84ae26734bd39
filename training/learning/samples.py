"""Samples of the training rows that are stored beside a model: golden rows, reference and background."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from registry.background import choose_background
from registry.folder import expected_columns, prediction_column
from schemas.domain import Domain
from schemas.rows import Matrix
from training.data.tables import Table

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

GAP_SHARE = 0.15


def golden_rows(pipeline: Pipeline, table: Table, count: int, seed: int) -> pd.DataFrame:
    """Some training rows with added gaps, and the fitted pipeline's predictions for them.

    Every optional feature is missing in at least one row, so that the golden rows also check how gaps are filled.
    """
    rng = np.random.default_rng(seed)
    rows = table.frame.iloc[_sample(rng, len(table), count)].reset_index(drop=True)
    for feature in table.domain.features:
        if feature.may_miss:
            gaps = rng.random(len(rows)) < GAP_SHARE
            gaps[rng.integers(len(rows))] = True
            rows.loc[gaps, feature.column] = np.nan
    return pd.concat([rows, _expected(pipeline, table.domain, rows)], axis=1)


def reference_rows(
    table: Table, out_of_fold: NDArray[np.float64] | NDArray[np.str_], count: int, seed: int
) -> pd.DataFrame:
    """A sample of the training rows: raw columns, the target, and the out-of-fold prediction."""
    rng = np.random.default_rng(seed)
    sample = _sample(rng, len(table), count)
    frame = table.with_target()
    frame[prediction_column(table.domain)] = out_of_fold
    return frame.iloc[sample].reset_index(drop=True)


def background_rows(domain: Domain, matrix: Matrix, seed: int) -> Matrix:
    """The training rows (n, columns) with which explanations compare a row (see `registry.background`)."""
    categorical = [position for position, feature in enumerate(domain.features) if feature.categories]
    return choose_background(matrix, seed, categorical=categorical)


def _expected(pipeline: Pipeline, domain: Domain, rows: pd.DataFrame) -> pd.DataFrame:
    names, classes = expected_columns(domain.columns, domain.target.classes), list(domain.target.classes)
    if not classes:
        return pd.DataFrame({names[0]: np.asarray(pipeline.predict(rows), dtype=np.float64)})
    probabilities = pd.DataFrame(pipeline.predict_proba(rows), columns=pipeline.classes_, dtype=np.float64)
    return probabilities.reindex(columns=classes, fill_value=0.0).set_axis(names, axis=1)


def _sample(rng: np.random.Generator, size: int, count: int) -> NDArray[np.int64]:
    return np.sort(rng.choice(size, size=min(count, size), replace=False))
