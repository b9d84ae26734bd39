"""Scoring: from a matrix to prices or probabilities, without a DataFrame.

A logged model is a scikit-learn pipeline. Its first step, `encode`, turns raw columns into the matrix that listings
already are, so it is skipped here. Its second, `fill`, is one value for each column, which takes a tenth of the time
as one numpy expression. How what follows is asked is `registry.predict_fn`'s business; an XGBoost estimator that stands
alone is asked through its booster (`registry.booster`), whether it comes out of a pipeline or out of its short form.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from registry.booster import Booster
from registry.card import ModelCard
from registry.predict_fn import predict_fn_of
from schemas.errors import ModelRejectedError
from schemas.rows import Matrix

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

ENCODE = "encode"
FILL = "fill"

Score = Callable[[Matrix], NDArray[np.float64]]
"""From a matrix (n, columns) to predictions (n,), or to probabilities (n, classes)."""


class Scorer(Protocol):
    """A model that is ready to score."""

    @property
    def card(self) -> ModelCard:
        """What the model says about itself."""
        ...

    def score(self, matrix: Matrix, /) -> NDArray[np.float64]:
        """Score n rows.

        Args:
            matrix: float64 (n, columns) with NaN for gaps, as `schemas.rows` builds it.

        Returns:
            Predictions (n,) of a regression; probabilities (n, classes) of a classification, in the order of the
            domain's classes.
        """
        ...


@dataclass(frozen=True)
class LoadedScorer:
    """A scorer made of a card and a way to score."""

    card: ModelCard
    _score: Score

    def score(self, matrix: Matrix, /) -> NDArray[np.float64]:
        """Score n rows; see `Scorer.score`."""
        return self._score(matrix)


class BoosterScore:
    """Scores through an XGBoost booster.

    Args:
        booster: the fitted booster.
        fill: what each column is filled with, shape (columns,); NaN where the trees see to gaps.
    """

    def __init__(self, booster: Booster, fill: NDArray[np.float64]) -> None:
        self._predict = booster.predict
        self._fill = fill

    def __call__(self, matrix: Matrix) -> NDArray[np.float64]:
        """Predictions (n,), or probabilities (n, classes) in the booster's order; (n,) of the second of two."""
        answers = self._predict(filled(matrix, self._fill))
        return answers[:, 0] if answers.shape[1] == 1 else answers


def filled(matrix: Matrix, fill: NDArray[np.float64]) -> Matrix:
    """The matrix with its gaps filled; the same one where it has none."""
    gaps = np.isnan(matrix)
    return np.where(gaps, fill, matrix) if gaps.any() else matrix


def score_of(pipeline: Pipeline, classes: Sequence[str]) -> Score:
    """How a fitted pipeline scores a matrix.

    Args:
        pipeline: begins with `encode`, and with `fill` after it where gaps are filled column by column.
        classes: the domain's classes; empty for a regression.

    Raises:
        ModelRejectedError: ("signature") the pipeline does not begin with `encode`, or predicts other classes.
    """
    fill, rest = fill_and_rest(pipeline)
    stored = stored_booster(rest)
    if stored is not None:
        score: Score = BoosterScore(Booster(stored), fill)
    else:
        ask = predict_fn_of(rest, "predict_proba" if classes else "predict")

        def score(matrix: Matrix) -> NDArray[np.float64]:
            return np.asarray(ask(filled(matrix, fill)), dtype=np.float64)

    return in_order(score, [str(name) for name in rest.classes_], classes) if classes else score


def fill_and_rest(pipeline: Pipeline) -> tuple[NDArray[np.float64], Pipeline]:
    """What each column is filled with, shape (columns,), NaN for nothing; and what comes after that.

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
    """The booster in XGBoost's own format; None where anything but an XGBoost estimator has a say.

    It may be the only voice of a vote, which is how class names are learnt.
    """
    if len(rest.steps) != 1:
        return None
    estimator: Any = rest.steps[0][1]
    voices = getattr(estimator, "estimators_", None)
    if hasattr(estimator, "le_") and voices is not None and len(voices) == 1:
        estimator = voices[0]
    return bytes(estimator.get_booster().save_raw("ubj")) if hasattr(estimator, "get_booster") else None


def _fill_values(step: Any, width: int) -> NDArray[np.float64]:
    values = np.full(width, np.nan)
    for _, imputer, positions in step.transformers_:
        values[positions] = np.asarray(imputer.statistics_, dtype=np.float64)
    return values


def in_order(score: Score, found: Sequence[str], classes: Sequence[str]) -> Score:
    """The same probabilities in the order of the domain's classes; 0 for a class that training never saw.

    Raises:
        ModelRejectedError: ("signature") the model predicts classes that the domain does not have.
    """
    if foreign := sorted(set(found) - set(classes)):
        raise ModelRejectedError("signature", f"the model predicts classes unknown to the domain: {', '.join(foreign)}")
    positions = [classes.index(name) for name in found]

    def score_in_order(matrix: Matrix) -> NDArray[np.float64]:
        raw = score(matrix)
        answers = np.zeros((len(matrix), len(classes)))
        # a booster of two classes answers with the probability of the second alone
        answers[:, positions] = np.column_stack([1 - raw, raw]) if raw.ndim == 1 else raw
        return answers

    return score_in_order
