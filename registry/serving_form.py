"""The serving form of a model: consumers score with it in place of the pipeline, and then need no scikit-learn.

A pipeline that fills gaps by column and holds a single XGBoost estimator is stored twice: as skops, and as the booster
in XGBoost's own format (`booster.ubj`) with what the pipeline adds to it (`serving.json`). Neither file holds types or
code, and the digest covers both. The golden rows are stored here again because a consumer does not read Parquet; they
hold the pipeline's predictions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from registry.booster import Booster, BoosterError, BoosterScore, Score, order_classes
from registry.card import ModelCard
from registry.folder import expected_columns
from registry.scorer import split_fill, stored_booster
from schemas.errors import ModelRejectedError

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

BOOSTER_FILE = "booster.ubj"
SERVING_FILE = "serving.json"


class ServingForm(msgspec.Struct):
    """What `serving.json` holds.

    Attributes:
        fill: the value that fills each column's gaps; None where the trees handle gaps.
        classes: the booster's classes in its order; empty for a regression.
        golden: golden rows by raw column, None for gaps.
        expected: the pipeline's predictions, (n, 1), or (n, classes) in the order of the domain's classes.
    """

    fill: list[float | None]
    classes: list[str]
    golden: dict[str, list[float | str | None]]
    expected: list[list[float]]

    @property
    def predictions(self) -> NDArray[np.float64]:
        """The expected predictions: shape (n,) for a regression, (n, classes) otherwise."""
        expected = np.array(self.expected, dtype=np.float64)
        return expected if self.classes else expected[:, 0]


def write_serving_form(folder: Path, pipeline: Pipeline, card: ModelCard, golden: pd.DataFrame) -> None:
    """Write the serving form into a model's folder, if the pipeline has one.

    Args:
        folder: of the model.
        pipeline: fitted.
        card: of the model.
        golden: raw columns and the pipeline's predictions.
    """
    fill, rest = split_fill(pipeline)
    if (stored := stored_booster(rest)) is None:
        return
    form = ServingForm(
        fill=fill.tolist(),
        classes=[str(name) for name in rest.classes_] if card.classes else [],
        golden={column: _plain(golden[column]) for column in card.columns},
        expected=golden[expected_columns(card.columns, card.classes)].to_numpy(dtype=np.float64).tolist(),
    )
    (folder / BOOSTER_FILE).write_bytes(stored)
    # msgspec encodes NaN as null
    (folder / SERVING_FILE).write_bytes(msgspec.json.encode(form))


def read_serving_form(folder: Path) -> ServingForm | None:
    """The serving form of a stored model; None if it has none.

    Raises:
        ModelRejectedError: ("signature") `serving.json` cannot be decoded.
    """
    if not (folder / SERVING_FILE).exists():
        return None
    try:
        return msgspec.json.decode((folder / SERVING_FILE).read_bytes(), type=ServingForm)
    except msgspec.MsgspecError as error:
        raise ModelRejectedError("signature", f"{SERVING_FILE}: {error}") from error


def serving_score(folder: Path, form: ServingForm, card: ModelCard) -> Score:
    """The function that scores with a serving form.

    Raises:
        ModelRejectedError: ("versions") the installed library cannot load the booster, or ("signature") the booster
            takes other columns or predicts other classes.
    """
    try:
        booster = Booster((folder / BOOSTER_FILE).read_bytes())
    except (BoosterError, FileNotFoundError) as error:
        message = f"{BOOSTER_FILE} cannot be loaded with the installed XGBoost: {error}"
        raise ModelRejectedError("versions", message) from error
    if not booster.columns == len(form.fill) == len(card.columns):
        raise ModelRejectedError("signature", f"{BOOSTER_FILE} takes {booster.columns} columns, not those of the card")
    score = BoosterScore(booster, np.array(form.fill, dtype=np.float64))
    return order_classes(score, form.classes, card.classes) if card.classes else score


def _plain(column: pd.Series[Any]) -> list[float | str | None]:
    return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN
