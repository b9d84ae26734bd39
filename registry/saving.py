"""Saves a fitted pipeline as an MLflow model: skops, signature, input example and requirements."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.allow_list import allowed_types, not_allowed
from registry.card import ModelCard
from schemas.errors import ModelRejectedError

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities import LoggedModel
    from mlflow.models import ModelSignature
    from sklearn.pipeline import Pipeline

EXAMPLE_ROWS = 5


def save(pipeline: Pipeline, card: ModelCard, rows: pd.DataFrame, folder: Path, logged: LoggedModel) -> None:
    """Write the MLflow model into `folder`, which must not exist.

    Args:
        pipeline: fitted; built from allowed types only.
        card: of the model.
        rows: raw columns, of which the first few become the input example.
        folder: of the MLflow model.
        logged: MLflow's record of the model.

    Raises:
        ModelRejectedError: ("allow_list") the pipeline holds types that are not allowed.
    """
    import mlflow.sklearn
    from mlflow.exceptions import MlflowException
    from mlflow.models import Model

    with warnings.catch_warnings():
        # MLflow's own classes raise this warning when imported
        warnings.filterwarnings("ignore", ".*Any type hint is inferred", UserWarning)
        # MLflow compares the example's columns with a range, which pandas 4 no longer supports
        warnings.filterwarnings("ignore", "Operation with range", DeprecationWarning)
        try:
            mlflow.sklearn.save_model(
                pipeline,
                str(folder),
                mlflow_model=Model(
                    artifact_path=logged.artifact_location,
                    model_uuid=logged.model_id,
                    run_id=logged.source_run_id,
                    model_id=logged.model_id,
                ),
                serialization_format="skops",
                skops_trusted_types=allowed_types(),
                signature=signature_of(card),
                input_example=rows[list(card.columns)].head(EXAMPLE_ROWS),
                pip_requirements=requirements_of(card),
            )
        except MlflowException as error:
            # MLflow wraps the error of skops, which names the types
            cause = str(error.__context__ or error).splitlines()[0]
            types = re.findall(r"'([\w.]+)'", cause)
            message = f"the model holds {not_allowed(types)}" if types else f"the pipeline cannot be stored: {cause}"
            raise ModelRejectedError("allow_list", message) from error


def signature_of(card: ModelCard) -> ModelSignature:
    """The MLflow signature: the domain's raw columns in order, and a number or a class name.

    Columns have no type: MLflow rejects integers for a double, and pandas reads columns such as TAX from CSV as
    integers. The pipeline itself rejects values that are not numbers.
    """
    from mlflow.models import ModelSignature
    from mlflow.types.schema import AnyType, ColSpec, Schema

    inputs: list[Any] = [ColSpec(AnyType(), name=column) for column in card.columns]  # type: ignore[no-untyped-call]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema([ColSpec("string" if card.classes else "double")]))


def requirements_of(card: ModelCard) -> list[str]:
    """The packages needed to load the model; listed here because MLflow takes ten seconds to infer them."""
    return [
        f"scikit-learn=={card.versions['scikit-learn']}",
        f"xgboost=={card.versions['xgboost']}",
        f"numpy=={card.versions['numpy']}",
        "skops",
        "pandas",
    ]
