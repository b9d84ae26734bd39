"""The converters of fitted estimators that are no trees: linear models, kriging, blends, and what wraps another."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeCV
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from registry.serving.compiler import NoServingFormError
from registry.serving.formula import Apply, Formula, Function, Kernel, Linear, Numbers, Sharpen
from registry.steps.kriging import Kriging
from registry.steps.sharpening import LEAST_PROBABILITY, SharpenedClassifier

if TYPE_CHECKING:
    from registry.serving.compiler import Compiler, EstimatorConverter

_INVERSES: Mapping[Any, Function] = {np.sinh: "sinh", np.expm1: "expm1", np.exp: "exp"}


@cache
def converters() -> Mapping[type, EstimatorConverter]:
    """Type of estimator -> its converter."""
    return {
        # a threshold changes the predicted class, which consumers read from the card
        FixedThresholdClassifier: lambda whole, compiler: compiler.estimator(whole.estimator_),
        FrozenEstimator: lambda frozen, compiler: compiler.estimator(frozen.estimator),
        Kriging: _kriging,
        LinearRegression: _linear,
        LogisticRegression: _logistic,
        Pipeline: _pipeline,
        Ridge: _linear,
        RidgeCV: _linear,
        SharpenedClassifier: _sharpened,
        TransformedTargetRegressor: _transformed_target,
        VotingClassifier: _blend,
        VotingRegressor: _blend,
    }


def _pipeline(pipeline: Pipeline, compiler: Compiler) -> Formula:
    transformers = [step for _, step in pipeline.steps[:-1] if step not in (None, "passthrough")]
    steps = [step for transformer in transformers for step in compiler.steps(transformer)]
    return compiler.chain(steps, compiler.estimator(pipeline.steps[-1][1]))


def _blend(blend: VotingClassifier | VotingRegressor, compiler: Compiler) -> Formula:
    if getattr(blend, "voting", "soft") != "soft":
        raise NoServingFormError("a VotingClassifier that counts votes has no serving form")
    weights = blend._weights_not_none or [1.0] * len(blend.estimators_)
    return compiler.mean([compiler.estimator(member) for member in blend.estimators_], weights)


def _transformed_target(estimator: TransformedTargetRegressor, compiler: Compiler) -> Formula:
    transformer = estimator.transformer_
    inverse = _INVERSES.get(transformer.inverse_func) if isinstance(transformer, FunctionTransformer) else None
    if inverse is None:
        raise NoServingFormError("this transformation of the target has no serving form")
    return Apply(inverse, compiler.estimator(estimator.regressor_))


def _sharpened(estimator: SharpenedClassifier, compiler: Compiler) -> Formula:
    return Sharpen(float(estimator.power), LEAST_PROBABILITY, compiler.estimator(estimator.estimator_))


def _linear(estimator: Any, _: Compiler) -> Formula:
    weights = np.atleast_2d(estimator.coef_)
    if len(weights) > 1:
        raise NoServingFormError("a linear model of several targets has no serving form")
    return Linear(Numbers.of(weights.T), Numbers.of(np.ravel(estimator.intercept_)))


def _logistic(estimator: LogisticRegression, _: Compiler) -> Formula:
    sums = Linear(
        Numbers.of(estimator.coef_.T), Numbers.of(np.broadcast_to(estimator.intercept_, len(estimator.coef_)))
    )
    return Apply("sigmoid" if len(estimator.classes_) == 2 else "softmax", sums)  # noqa: PLR2004 - one sum for two


def _kriging(estimator: Kriging, _: Compiler) -> Formula:
    return Kernel(
        Numbers.of(estimator.rows_),
        Numbers.of(estimator.weights_),
        Numbers.of(estimator.lengths_),
        estimator.mean_,
        estimator.spread_,
    )
