"""The reference of the active model as columns, loaded by a function that the monitor is started with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitoring.drift.columns import Column, answer_codes, answer_column, feature_columns
from registry.calibration import Calibration
from registry.folder import prediction_column
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.events import ModelStamp
from schemas.rows import RowBuilder
from schemas.states import DesiredModel

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class StoredReference:
    """What a model's files say about its training rows.

    Attributes:
        table: raw columns, the target, and in `registry.folder.prediction_column` predictions, each by a model that
            was not trained on the row.
        calibration: of its intervals or prediction sets; None of a model without them.
    """

    table: pd.DataFrame
    calibration: Calibration | None = None


LoadStored = Callable[[DesiredModel], StoredReference]
"""Loads the reference of a model. It blocks, and raises ModelRejectedError or RegistryUnavailableError."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The rows with which the active model was trained.

    Attributes:
        stamp: version and activation of the model.
        columns: features, then predictions.
        outcomes: the target.
        expected_error: mean absolute error, or share of wrong classes, by models not trained on the row.
        calibration: of the model's intervals or prediction sets.
    """

    stamp: ModelStamp
    columns: tuple[Column, ...]
    outcomes: Column
    expected_error: float
    calibration: Calibration | None = None


def load_reference(domain: Domain, desired: DesiredModel, load_stored: LoadStored) -> Reference:
    """Load the reference of a model. Blocks.

    Raises:
        ModelRejectedError: it does not exist, or does not fit the domain.
        RegistryUnavailableError: MLflow does not answer.
    """
    stored = load_stored(desired)
    table = stored.table
    try:
        matrix = RowBuilder(domain).matrix_of_frame(table)
        predictions = answer_codes(domain, table[prediction_column(domain)].tolist())
        outcomes = answer_codes(domain, table[domain.target.name].tolist())
    except (KeyError, ValueError) as error:
        raise ModelRejectedError(
            "reference", f"the reference of version {desired.version} does not fit {domain.name}: {error}"
        ) from error
    return Reference(
        ModelStamp(version=desired.version, activation=desired.activation),
        (*feature_columns(domain, matrix), answer_column(domain, "prediction", predictions)),
        answer_column(domain, "outcome", outcomes),
        _mean_error(domain, predictions, outcomes),
        stored.calibration,
    )


def _mean_error(domain: Domain, predictions: NDArray[np.float64], outcomes: NDArray[np.float64]) -> float:
    errors = predictions != outcomes if domain.target.classes else np.abs(predictions - outcomes)
    return float(np.mean(errors))
