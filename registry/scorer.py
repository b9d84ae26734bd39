"""Builds a scorer from a fitted pipeline: from a matrix to predictions or probabilities, without a DataFrame.

A logged model is a scikit-learn pipeline. It is compiled to a formula where that is possible, which consumers then read
from its serving form (`registry.serving`); otherwise its own steps score (`registry.predict_fn`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from registry.booster import Booster, Score
from registry.calibration import Calibration
from registry.card import ModelCard
from registry.predict_fn import pipeline_score
from registry.serving.compiler import NoServingFormError
from registry.serving.compiling import compile_pipeline
from registry.serving.score import score_of_formula
from schemas.errors import ModelRejectedError

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

    @property
    def calibration(self) -> Calibration | None:
        """Gives its predictions intervals or prediction sets; None of a model without them."""
        ...


@dataclass(frozen=True)
class LoadedScorer:
    """A loaded model: its card, the function that scores with it, and its calibration."""

    card: ModelCard
    score: Score
    calibration: Calibration | None = None


def score_of(pipeline: Pipeline, classes: Sequence[str]) -> Score:
    """The function that scores a matrix as a fitted pipeline predicts, by the means by which consumers will.

    Args:
        pipeline: fitted; begins with `encode`.
        classes: the domain's classes; empty for a regression.

    Raises:
        ModelRejectedError: ("signature") the pipeline does not begin with `encode`, or predicts other classes.
    """
    check_first_step(pipeline)
    try:
        compiled = compile_pipeline(pipeline, has_classes=bool(classes))
    except NoServingFormError:
        return pipeline_score(pipeline, classes)
    boosters = {name: Booster(stored) for name, stored in compiled.boosters.items()}
    return score_of_formula(compiled.formula, boosters, compiled.classes, classes)


def check_first_step(pipeline: Pipeline) -> None:
    """Check that a pipeline begins with `encode`, followed by something.

    Raises:
        ModelRejectedError: ("signature") it does not.
    """
    names = list(pipeline.named_steps)
    if names[0] != ENCODE or len(names) < 2:  # noqa: PLR2004 - the step and what follows it
        raise ModelRejectedError("signature", f"the model's first step is {names[0]!r}, not {ENCODE!r}")
