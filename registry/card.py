"""The model card: what a model says about itself in `card.json`, beside its parameters."""

from __future__ import annotations

import platform
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from schemas.domain import Domain
from schemas.rows import Matrix
from schemas.window import layout_of

GOLDEN_TOLERANCE = 1e-6
"""The same numbers on another processor differ by about 1e-7 where a model computes in 32 bits."""

COST = "us_per_row"
"""The metric of a card that says what a row costs (see `registry.cost`)."""

USUAL_SHARE = 0.99
"""Share of the training rows whose predictions count as usual."""


class ModelCard(BaseModel):
    """What a consumer and a person must know about a model.

    Attributes:
        domain: the domain's name.
        layout: of the domain's columns when the model was trained (`schemas.window.layout_of`).
        task: regression or classification.
        algorithm: the recipe that made it.
        columns: names of the raw columns it takes, in order.
        classes: class names in the order of the probabilities that it scores; empty for a regression.
        low: smallest training value of each column, None where a column had none.
        high: largest training value of each column.
        trained_at: when the training ended.
        data_sha256: content hash of the data it was trained on.
        rows: how many training rows it saw.
        metrics: what is known of its quality, by metric name.
        usual: between which predictions nearly all training rows lie, 99 in 100; None of a classification.
        key_feature: the column that its predictions hang on most; None where nobody looked.
        versions: of Python and of the libraries that made it.
        golden_tolerance: how far a golden row may differ, relative to the largest expected value.
    """

    model_config = ConfigDict(frozen=True)

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
    versions: dict[str, str]
    golden_tolerance: float = GOLDEN_TOLERANCE

    @property
    def us_per_row(self) -> float | None:
        """What a row cost when the model was trained (see `registry.cost`); None if it was not measured."""
        return self.metrics.get(COST)

    @property
    def bounds(self) -> tuple[Matrix, Matrix]:
        """What training saw: smallest and largest values, each of shape (columns,); infinite where it saw none."""
        low = [-np.inf if value is None else value for value in self.low]
        high = [np.inf if value is None else value for value in self.high]
        return np.array(low, dtype=np.float64), np.array(high, dtype=np.float64)


def card_of(
    domain: Domain,
    matrix: Matrix,
    *,
    algorithm: str,
    trained_at: datetime,
    data_sha256: str,
    metrics: dict[str, float],
    predictions: NDArray[Any] | None = None,
    key_feature: str | None = None,
) -> ModelCard:
    """The card of a model that was trained on `matrix` (n, columns) of a domain.

    `predictions` (n,) are those of models that had not seen the row; they say what is usual.
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
        versions=library_versions(),
    )


def library_versions() -> dict[str, str]:
    """Versions of what makes and loads models here."""
    return {
        "python": platform.python_version(),
        "scikit-learn": version("scikit-learn"),
        "xgboost": _xgboost_version(),
        "numpy": np.__version__,
    }


def _xgboost_version() -> str:
    # the same project has two names: on Linux the one without GPU libraries is installed
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
