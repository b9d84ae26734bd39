"""Builds a scorer from a fitted pipeline: from a matrix to predictions or probabilities, without a DataFrame.

A logged model is a scikit-learn pipeline. Its first step, `encode`, turns raw columns into the matrix that decoded
listings already form, so it is skipped. Its second, `fill`, is one value per column, which takes a tenth of the time as
one numpy expression. A single XGBoost estimator after these is scored through its booster (`registry.booster`), any
other rest of the pipeline through its predict function (`registry.predict_fn`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from registry.booster import Booster, BoosterScore, Score, fill_gaps, order_classes
from registry.card import ModelCard
from registry.predict_fn import predict_fn_of
from schemas.errors import ModelRejectedError
from schemas.rows import Matrix

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

ENCODE = "encode"
FILL = "fill"


class Scorer(Protocol):
    """A model that is ready to score."""

    @property
    def card(self) -> ModelCard:
        """The model's card."""
        ...

    @property
    def score(self) -> Score:
        """Scores a float64 matrix (n, columns) with NaN for gaps, as `schemas.rows` builds it.

        It returns predictions (n,) of a regression, and probabilities (n, classes) of a classification in the order of
        the domain's classes.
        """
        ...


@dataclass(frozen=True)
class LoadedScorer:
    """A loaded model: its card, and the function that scores with it."""

    card: ModelCard
    score: Score


def score_of(pipeline: Pipeline, classes: Sequence[str]) -> Score:
    """The function that scores a matrix with a fitted pipeline.

    Args:
        pipeline: begins with `encode`, followed by `fill` if gaps are filled column by column.
        classes: the domain's classes; empty for a regression.

    Raises:
        ModelRejectedError: ("signature") the pipeline does not begin with `encode`, or predicts other classes.
    """
    fill, rest = split_fill(pipeline)
    stored = stored_booster(rest)
    if stored is not None:
        score: Score = BoosterScore(Booster(stored), fill)
    else:
        predict = predict_fn_of(rest, "predict_proba" if classes else "predict")

        def score(matrix: Matrix) -> NDArray[np.float64]:
            return np.asarray(predict(fill_gaps(matrix, fill)), dtype=np.float64)

    return order_classes(score, [str(name) for name in rest.classes_], classes) if classes else score


def split_fill(pipeline: Pipeline) -> tuple[NDArray[np.float64], Pipeline]:
    """The value that fills each column, shape (columns,), NaN for none; and the steps after filling.

    Raises:
        ModelRejectedError: ("signature") the pipeline does not begin with `encode`.
    """
    names = list(pipeline.named_steps)
    if names[0] != ENCODE or len(names) < 2:  # noqa: PLR2004 - the step and what follows it
        raise ModelRejectedError("signature", f"the model's first step is {names[0]!r}, not {ENCODE!r}")
    width = pipeline.named_steps[ENCODE].n_features_in_
    if names[1] == FILL:
        return _fill_values(pipeline.named_steps[FILL], width), pipeline[2:]
    return np.full(width, np.nan), pipeline[1:]


def stored_booster(rest: Pipeline) -> bytes | None:
    """The booster in XGBoost's own format; None if the steps are not a single XGBoost estimator.

    The estimator may be the only member of a voting classifier, which is how class names are learned.
    """
    if len(rest.steps) != 1:
        return None
    estimator: Any = rest.steps[0][1]
    members = getattr(estimator, "estimators_", None)
    if hasattr(estimator, "le_") and members is not None and len(members) == 1:
        estimator = members[0]
    return bytes(estimator.get_booster().save_raw("ubj")) if hasattr(estimator, "get_booster") else None


def _fill_values(step: Any, width: int) -> NDArray[np.float64]:
    values = np.full(width, np.nan)
    for _, imputer, positions in step.transformers_:
        values[positions] = np.asarray(imputer.statistics_, dtype=np.float64)
    return values
