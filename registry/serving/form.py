"""The serving form of a stored model, in its folder: consumers score with it in place of the pipeline.

`serving.json` holds the formula, the golden rows and the pipeline's predictions for them, and `booster-*.ubj` the trees
that the formula names, in XGBoost's own format. No file holds types or code, and the digest covers all of them. The
golden rows are stored here again because a consumer does not read Parquet.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from registry.booster import Booster, BoosterError, Score
from registry.card import ModelCard
from registry.folder import expected_columns
from registry.serving.compiler import NoServingFormError
from registry.serving.compiling import compile_pipeline
from registry.serving.formula import Formula, boosters_in
from registry.serving.score import score_of_formula
from schemas.errors import ModelRejectedError

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

SERVING_FILE = "serving.json"


class ServingForm(msgspec.Struct):
    """What `serving.json` holds.

    Attributes:
        formula: of the predictions.
        classes: in the order of the formula's outputs; empty for a regression.
        golden: golden rows by raw column, None for gaps.
        expected: the pipeline's predictions, (n, 1), or (n, classes) in the order of the domain's classes.
    """

    formula: Formula
    classes: list[str]
    golden: dict[str, list[float | str | None]]
    expected: list[list[float]]

    @property
    def predictions(self) -> NDArray[np.float64]:
        """The expected predictions: shape (n,) for a regression, (n, classes) otherwise."""
        expected = np.array(self.expected, dtype=np.float64)
        return expected if self.classes else expected[:, 0]


def write_serving_form(folder: Path, pipeline: Pipeline, card: ModelCard, golden: pd.DataFrame) -> str | None:
    """Write the serving form into a model's folder, if the pipeline has one.

    Args:
        folder: of the model.
        pipeline: fitted.
        card: of the model.
        golden: raw columns and the pipeline's predictions.

    Returns:
        Why it has none, otherwise None.
    """
    try:
        compiled = compile_pipeline(pipeline, has_classes=bool(card.classes))
    except NoServingFormError as error:
        return str(error)
    form = ServingForm(
        formula=compiled.formula,
        classes=compiled.classes,
        golden={column: _plain(golden[column]) for column in card.columns},
        expected=golden[expected_columns(card.columns, card.classes)].to_numpy(dtype=np.float64).tolist(),
    )
    for name, stored in compiled.boosters.items():
        (folder / name).write_bytes(stored)
    # msgspec encodes NaN as null
    (folder / SERVING_FILE).write_bytes(msgspec.json.encode(form))
    return None


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
    """The function that scores with a serving form; an `AdditiveScore` if it is one sum of trees.

    Raises:
        ModelRejectedError: ("versions") the installed library cannot load a booster, or ("signature") the form takes
            other columns or predicts other classes.
    """
    boosters: dict[str, Booster] = {}
    for name in boosters_in(form.formula):
        if Path(name).name != name:
            raise ModelRejectedError("signature", f"{SERVING_FILE} names a booster outside the model: {name!r}")
        try:
            boosters[name] = Booster((folder / name).read_bytes())
        except (BoosterError, FileNotFoundError) as error:
            message = f"{name} cannot be loaded with the installed XGBoost: {error}"
            raise ModelRejectedError("versions", message) from error
    width = len(card.columns)
    try:
        score = score_of_formula(form.formula, boosters, form.classes, card.classes)
        score(np.zeros((1, width)))
    except (ValueError, IndexError) as error:
        message = f"the serving form does not take the {width} columns of the card: {error}"
        raise ModelRejectedError("signature", message) from error
    return score


def _plain(column: pd.Series[Any]) -> list[float | str | None]:
    return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN
