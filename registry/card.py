"""The model card: a model's description in `card.json`, stored with the model."""

from __future__ import annotations

import platform
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from schemas.classes import ClassThreshold
from schemas.domain import Domain
from schemas.frozen_model import FrozenModel
from schemas.rows import Matrix
from schemas.window import layout_of

GOLDEN_TOLERANCE = 5e-6
"""A serving form adds up trees in 32 bits where the pipeline may use 64, and processors differ by about 1e-7."""

COST_METRIC = "us_per_row"
"""The card's metric for the cost of a row (see `registry.cost`)."""

USUAL_SHARE = 0.99
"""Share of the training rows whose predictions count as usual."""


class ModelCard(FrozenModel):
    """The description of a model for consumers and operators.

    Attributes:
        domain: the domain's name.
        layout: of the domain's columns when the model was trained (`schemas.window.layout_of`).
        task: regression or classification.
        algorithm: the recipe that made it.
        columns: names of the raw columns that it takes, in order.
        classes: class names in the order of the probabilities that it scores; empty for a regression.
        low: smallest training value of each column, None if a column had none.
        high: largest training value of each column, None if a column had none.
        trained_at: when the training ended.
        data_sha256: content hash of the training data.
        rows: number of training rows.
        metrics: its quality metrics by name.
        usual: the range that holds 99 % of the predictions for training rows; None for a classification.
        key_feature: the column that its predictions depend on most; None if that was not measured.
        threshold: from which probability on one of two classes is predicted; None for the most probable class.
        versions: of Python and of the libraries that made it.
        golden_tolerance: allowed difference of a golden row's prediction, relative to the largest expected value.
    """

    domain: str
    layout: str
    task: Literal["regression", "classification"]
    algorithm: str
    columns: tuple[str, ...]
    classes: tuple[str, ...] = ()
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    trained_at: datetime
    data_sha256: str
    rows: int
    metrics: dict[str, float]
    usual: tuple[float, float] | None = None
    key_feature: str | None = None
    threshold: ClassThreshold | None = None
    versions: dict[str, str]
    golden_tolerance: float = GOLDEN_TOLERANCE

    @property
    def us_per_row(self) -> float | None:
        """The cost of a row, measured in training (see `registry.cost`); None if it was not measured."""
        return self.metrics.get(COST_METRIC)

    @property
    def bounds(self) -> tuple[Matrix, Matrix]:
        """Smallest and largest training values, each of shape (columns,); infinite if a column had none."""
        low = [-np.inf if value is None else value for value in self.low]
        high = [np.inf if value is None else value for value in self.high]
        return np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)


def card_of(  # noqa: PLR0913 - a card has as many parts
    domain: Domain,
    matrix: Matrix,
    *,
    algorithm: str,
    trained_at: datetime,
    data_sha256: str,
    metrics: dict[str, float],
    predictions: NDArray[Any] | None = None,
    key_feature: str | None = None,
    threshold: ClassThreshold | None = None,
) -> ModelCard:
    """The card of a model that was trained on `matrix` (n, columns) of a domain.

    `predictions` (n,) are out-of-fold predictions, which give the usual range.
    """
    is_regression = domain.task == "regression"
    return ModelCard(
        domain=domain.name,
        layout=layout_of(domain),
        task=domain.task,
        algorithm=algorithm,
        columns=domain.columns,
        classes=domain.target.classes,
        low=_extremes(matrix, np.min),
        high=_extremes(matrix, np.max),
        trained_at=trained_at,
        data_sha256=data_sha256,
        rows=len(matrix),
        metrics=metrics,
        usual=_middle(predictions) if predictions is not None and is_regression else None,
        key_feature=key_feature,
        threshold=threshold,
        versions=library_versions(),
    )


def library_versions() -> dict[str, str]:
    """Installed versions of Python and of the libraries that make and load models."""
    return {
        "python": platform.python_version(),
        "scikit-learn": version("scikit-learn"),
        "xgboost": _xgboost_version(),
        "numpy": np.__version__,
    }


def _xgboost_version() -> str:
    # on Linux the distribution without GPU libraries is installed
    try:
        return version("xgboost-cpu")
    except PackageNotFoundError:
        return version("xgboost")


def _middle(predictions: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.quantile(predictions, [(1 - USUAL_SHARE) / 2, (1 + USUAL_SHARE) / 2])
    return float(low), float(high)


def _extremes(matrix: Matrix, extreme: np.ufunc | object) -> tuple[float | None, ...]:
    present = [column[~np.isnan(column)] for column in matrix.T]
    return tuple(float(extreme(column)) if len(column) else None for column in present)  # type: ignore[operator]
