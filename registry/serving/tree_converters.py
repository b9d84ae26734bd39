"""The converters of fitted trees, forests and boosted trees of scikit-learn, XGBoost and the product's own steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn import ensemble, tree
from sklearn.dummy import DummyClassifier, DummyRegressor
from xgboost import XGBClassifier, XGBRegressor

from registry.serving.compiler import NoServingFormError
from registry.serving.formula import Apply, Formula
from registry.serving.histogram_trees import histogram_trees
from registry.serving.native_booster import NativeBooster
from registry.serving.trees import Floats, Tree, TreeModel
from registry.steps.boosting import BoostedClassifier, BoostedRegressor

if TYPE_CHECKING:
    from registry.serving.compiler import Compiler, EstimatorConverter


@cache
def converters() -> Mapping[type, EstimatorConverter]:
    """Type of estimator -> its converter."""
    return {
        BoostedClassifier: _boosted_classes,
        BoostedRegressor: _boosted_numbers,
        XGBClassifier: _xgboost_classes,
        XGBRegressor: _xgboost_numbers,
        ensemble.ExtraTreesClassifier: _forest,
        ensemble.ExtraTreesRegressor: _forest,
        ensemble.GradientBoostingClassifier: _gradient_boosting,
        ensemble.GradientBoostingRegressor: _gradient_boosting,
        ensemble.HistGradientBoostingClassifier: _histogram_boosting,
        ensemble.HistGradientBoostingRegressor: _histogram_boosting,
        ensemble.RandomForestClassifier: _forest,
        ensemble.RandomForestRegressor: _forest,
        tree.DecisionTreeClassifier: lambda single, compiler: _votes([single], single, compiler),
        tree.DecisionTreeRegressor: lambda single, compiler: _votes([single], single, compiler),
    }


def _forest(forest: Any, compiler: Compiler) -> Formula:
    return _votes(forest.estimators_, forest, compiler)


def _votes(members: Sequence[Any], whole: Any, compiler: Compiler) -> Formula:
    """The mean of decision trees: of numbers, or of the shares of classes in a leaf."""
    if whole.n_outputs_ > 1:
        raise NoServingFormError("trees of several targets have no serving form")
    trees = [_decision_tree(member.tree_) for member in members]
    outputs = trees[0].values.shape[1]
    return compiler.sum_of(
        TreeModel(trees, [0] * len(trees), whole.n_features_in_, np.zeros(outputs), scale=1 / len(trees))
    )


def _gradient_boosting(boosting: Any, compiler: Compiler) -> Formula:
    if not (boosting.init_ == "zero" or isinstance(boosting.init_, DummyClassifier | DummyRegressor)):
        raise NoServingFormError("gradient boosting that begins with an estimator has no serving form")
    offset = np.ravel(boosting._raw_predict_init(np.zeros((1, boosting.n_features_in_))))
    stages = [member for stage in boosting.estimators_ for member in stage]
    model = TreeModel(
        [_decision_tree(member.tree_) for member in stages],
        list(range(len(offset))) * len(boosting.estimators_),
        boosting.n_features_in_,
        offset,
        scale=boosting.learning_rate,
    )
    return _linked(compiler.sum_of(model), boosting._loss.link)


def _histogram_boosting(boosting: Any, compiler: Compiler) -> Formula:
    model = histogram_trees(boosting, compiler.codes)
    return _linked(compiler.sum_of(model), boosting._loss.link)


def _linked(sums: Formula, link: Any) -> Formula:
    """Sums as predictions, by the inverse of a loss's link function."""
    match type(link).__name__:
        case "IdentityLink":
            return sums
        case "LogLink":
            return Apply("exp", sums)
        case "LogitLink":
            return Apply("sigmoid", sums)
        case "MultinomialLogit":
            return Apply("softmax", sums)
        case name:
            raise NoServingFormError(f"boosting with {name} has no serving form")


def _xgboost_numbers(estimator: XGBRegressor, compiler: Compiler) -> Formula:
    source = _native(estimator)
    return compiler.trees(source, output="margin" if source.is_sum else "value")


def _xgboost_classes(estimator: XGBClassifier, compiler: Compiler) -> Formula:
    values = compiler.trees(source := _native(estimator), output="value")
    match source.objective:
        case "binary:logistic":
            return Apply("complement", values)
        case "multi:softprob":
            return values
        case objective:
            raise NoServingFormError(f"XGBClassifier with {objective} has no serving form")


def _native(estimator: Any) -> NativeBooster:
    if not np.isnan(estimator.missing):
        raise NoServingFormError("XGBoost with a number for gaps has no serving form")
    booster = estimator.get_booster()
    if (best := booster.attr("best_iteration")) is not None:
        booster = booster[: int(best) + 1]
    return NativeBooster(booster)


def _boosted_numbers(estimator: BoostedRegressor, compiler: Compiler) -> Formula:
    sums = compiler.trees(NativeBooster(estimator.booster_))
    return Apply("sinh", sums) if estimator.log else sums


def _boosted_classes(estimator: BoostedClassifier, compiler: Compiler) -> Formula:
    sums = compiler.trees(NativeBooster(estimator.booster_))
    return Apply("sigmoid" if len(estimator.classes_) == 2 else "softmax", sums)  # noqa: PLR2004 - one sum for two


def _decision_tree(fitted: Any) -> Tree:
    is_leaf = fitted.children_left < 0
    values: Floats = fitted.value[:, 0, :]
    return Tree(
        fitted.children_left,
        fitted.children_right,
        np.where(is_leaf, 0, fitted.feature),
        fitted.threshold,
        np.asarray(fitted.missing_go_to_left, dtype=bool),
        fitted.weighted_n_node_samples,
        values,
    )
