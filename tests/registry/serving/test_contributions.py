"""A model that is one sum of trees knows what each column contributes to its predictions."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost

from registry.booster import Booster
from registry.scorer import score_of
from registry.serving.native_booster import NativeBooster
from registry.serving.score import AdditiveScore
from registry.steps.boosting import feature_types
from tests.registry.serving.form_cases import NUMBERS, fitted, rows_of


@pytest.mark.parametrize(
    "name", ["random-forest", "xgboost", "boosted", "histogram-boosting-of-categories", "blend-of-sums"]
)
def test_a_sum_of_trees_knows_the_contributions_of_columns(name: str) -> None:
    pipeline, rows = fitted(name, 0), rows_of(50, seed=6, gaps=0.2)
    score = score_of(pipeline, ())
    assert isinstance(score, AdditiveScore)
    contributions = score.contributions(rows)
    assert contributions.shape == (50, 1, NUMBERS + 2)
    np.testing.assert_allclose(contributions.sum(axis=2)[:, 0], score(rows), rtol=3e-5)


def test_contributions_begin_from_the_mean_of_the_training_rows() -> None:
    forest = fitted("random-forest", 0)[-1][-1]
    score = score_of(fitted("random-forest", 0), ())
    assert isinstance(score, AdditiveScore)
    base = score.contributions(rows_of(1, seed=6))[0, 0, -1]
    # the value of a root is the mean of the rows that its tree was grown on
    assert base == pytest.approx(np.mean([each.tree_.value[0, 0, 0] for each in forest.estimators_]), rel=1e-5)


def test_contributions_of_trees_taken_apart_are_those_of_xgboost() -> None:
    estimator, rows = fitted("boosted", 0)[-1], rows_of(40, seed=7, gaps=0.2)
    model = NativeBooster(estimator.booster_).tree_model()
    assert model is not None
    types = feature_types(rows.shape[1], (NUMBERS,))
    matrix = xgboost.DMatrix(rows, feature_types=types, enable_categorical=True)
    expected = estimator.booster_.predict(matrix, pred_contribs=True)[:, :-1]
    found = Booster(model.stored()).contributions(rows)[:, 0, :-1]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
