"""The files that the product adds to the folder of an MLflow model: their names, reading and writing.

`card.json` is the model card. `golden.parquet` holds golden rows: raw columns with gaps and the pipeline's predictions.
`reference.parquet` holds a sample of the training rows: raw columns, the target, and out-of-fold predictions. The
columns of predictions get an underscore where the domain has columns of the same name.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import ValidationError

from registry.card import ModelCard
from schemas.domain import Domain
from schemas.errors import ModelRejectedError
from schemas.naming import free_name

if TYPE_CHECKING:
    import pandas as pd

MODEL_FILE = "model.skops"
CARD_FILE = "card.json"
GOLDEN_FILE = "golden.parquet"
REFERENCE_FILE = "reference.parquet"
EXPECTED = "expected"
PREDICTION = "prediction"


def write_files(folder: Path, card: ModelCard, golden: pd.DataFrame, reference: pd.DataFrame) -> None:
    """Write card, golden rows and reference into a model's folder."""
    (folder / CARD_FILE).write_text(card.model_dump_json(indent=2) + "\n", encoding="utf-8")
    golden.to_parquet(folder / GOLDEN_FILE, index=False)
    reference.to_parquet(folder / REFERENCE_FILE, index=False)


def read_card(folder: Path) -> ModelCard:
    """The card of a stored model.

    Raises:
        ModelRejectedError: ("signature") there is none, or it is not valid.
    """
    try:
        return ModelCard.model_validate_json((folder / CARD_FILE).read_bytes())
    except FileNotFoundError as error:
        raise ModelRejectedError(
            "signature", f"the stored model has no {CARD_FILE}: `tasador train` did not make it"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        location = ".".join(str(part) for part in first["loc"])
        raise ModelRejectedError("signature", f"{CARD_FILE}: {location}: {first['msg']}") from error


def signature_columns(folder: Path) -> tuple[str, ...]:
    """Names of the inputs in the MLflow signature, in order.

    Raises:
        ModelRejectedError: ("signature") there is none.
    """
    try:
        stored = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
        return tuple(str(column["name"]) for column in json.loads(stored["signature"]["inputs"]))
    except (FileNotFoundError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ModelRejectedError("signature", "the stored model has no signature") from error


def read_reference(folder: Path) -> pd.DataFrame:
    """The reference of a stored model: raw columns, the target, and `prediction`.

    Raises:
        ModelRejectedError: ("reference") there is none.
    """
    import pandas as pd

    try:
        return pd.read_parquet(folder / REFERENCE_FILE)
    except (OSError, ValueError) as error:
        raise ModelRejectedError("reference", f"{REFERENCE_FILE} cannot be read: {error}") from error


def expected_columns(columns: Sequence[str], classes: Sequence[str]) -> list[str]:
    """The columns of `golden.parquet` that hold predictions: one for a regression, else one for each class.

    Args:
        columns: the raw columns.
        classes: the domain's classes; empty for a regression.
    """
    if not classes:
        return [free_name(EXPECTED, columns)]
    prefix = EXPECTED
    while any(f"{prefix}:{name}" in columns for name in classes):
        prefix += "_"
    return [f"{prefix}:{name}" for name in classes]


def prediction_column(domain: Domain) -> str:
    """The column of predictions in tables that also hold a domain's columns and its target."""
    return free_name(PREDICTION, (*domain.columns, domain.target.name))


def read_golden(folder: Path, card: ModelCard) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """The raw golden rows and the expected predictions: shape (n,) for a regression, (n, classes) otherwise.

    Raises:
        ModelRejectedError: ("golden_rows") there are none.
    """
    import pandas as pd

    try:
        stored = pd.read_parquet(folder / GOLDEN_FILE)
        expected = stored[expected_columns(card.columns, card.classes)].to_numpy(dtype=np.float64)
        rows = stored[list(card.columns)]
    except (OSError, KeyError, ValueError) as error:
        # a disk error has an errno, a file that is not Parquet has none
        if isinstance(error, OSError) and error.errno not in {None, errno.ENOENT}:
            raise
        raise ModelRejectedError("golden_rows", f"{GOLDEN_FILE} cannot be read: {error}") from error
    if not len(rows):
        raise ModelRejectedError("golden_rows", f"{GOLDEN_FILE} holds no rows")
    return rows, expected if card.classes else expected[:, 0]
