"""The short form of a model: what scores in place of its pipeline, for consumers, who then need no scikit-learn.

A pipeline that fills gaps by column and asks one XGBoost estimator is stored twice: as skops, and beside it as the
booster in XGBoost's own format (`booster.ubj`) with what the pipeline adds to it (`short.json`). Neither holds types or
code. The digest covers both, and the golden rows, which are here again because a consumer does not read Parquet, hold
what the pipeline answered.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from registry.booster import Booster, BoosterError
from registry.card import ModelCard
from registry.folder import expected_columns
from registry.scorer import BoosterScore, Score, fill_and_rest, in_order, stored_booster
from schemas.errors import ModelRejectedError

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.pipeline import Pipeline

BOOSTER_FILE = "booster.ubj"
SHORT_FILE = "short.json"


class ServingForm(msgspec.Struct):
    """What `short.json` holds.

    Attributes:
        fill: what each column is filled with; None where the trees see to gaps.
        classes: the booster's classes in its order; empty for a regression.
        golden: golden rows by raw column, None for gaps.
        expected: what the pipeline answered, (n, 1) or (n, classes) in the order of the domain's classes.
    """

    fill: list[float | None]
    classes: list[str]
    golden: dict[str, list[float | str | None]]
    expected: list[list[float]]

    @property
    def answers(self) -> NDArray[np.float64]:
        """What is expected: shape (n,) for a regression, (n, classes) otherwise."""
        found = np.array(self.expected, dtype=np.float64)
        return found if self.classes else found[:, 0]


def write_serving_form(folder: Path, pipeline: Pipeline, card: ModelCard, golden: pd.DataFrame) -> None:
    """Write the short form into a model's folder, if the pipeline has one.

    Args:
        folder: of the model.
        pipeline: fitted.
        card: of the model.
        golden: raw columns and what the pipeline answered.
    """
    fill, rest = fill_and_rest(pipeline)
    if (stored := stored_booster(rest)) is None:
        return
    short = ServingForm(
        fill=fill.tolist(),
        classes=[str(name) for name in rest.classes_] if card.classes else [],
        golden={column: _plain(golden[column]) for column in card.columns},
        expected=golden[expected_columns(card)].to_numpy(dtype=np.float64).tolist(),
    )
    (folder / BOOSTER_FILE).write_bytes(stored)
    # NaN becomes null
    (folder / SHORT_FILE).write_bytes(msgspec.json.encode(short))


def read_serving_form(folder: Path) -> ServingForm | None:
    """The short form of a stored model; None if it has none.

    Raises:
        ModelRejectedError: ("signature") it cannot be understood.
    """
    if not (folder / SHORT_FILE).exists():
        return None
    try:
        return msgspec.json.decode((folder / SHORT_FILE).read_bytes(), type=ServingForm)
    except msgspec.MsgspecError as error:
        raise ModelRejectedError("signature", f"{SHORT_FILE}: {error}") from error


def serving_score(folder: Path, short: ServingForm, card: ModelCard) -> Score:
    """How a short form scores.

    Raises:
        ModelRejectedError: ("versions") there is no booster that can be built here, or ("signature") it takes other
            columns or predicts other classes.
    """
    try:
        booster = Booster((folder / BOOSTER_FILE).read_bytes())
    except (BoosterError, FileNotFoundError) as error:
        message = f"{BOOSTER_FILE} cannot be built with what is installed: {error}"
        raise ModelRejectedError("versions", message) from error
    if not booster.columns == len(short.fill) == len(card.columns):
        raise ModelRejectedError("signature", f"{BOOSTER_FILE} takes {booster.columns} columns, not those of the card")
    score = BoosterScore(booster, np.array(short.fill, dtype=np.float64))
    return in_order(score, short.classes, card.classes) if card.classes else score


def _plain(column: pd.Series[Any]) -> list[float | str | None]:
    return [None if value != value else value for value in column.tolist()]  # noqa: PLR0124 - NaN
