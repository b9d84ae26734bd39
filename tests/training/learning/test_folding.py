from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from schemas.errors import DataError
from schemas.sections import TrainingSettings
from tests.models import table_of
from training.learning.folding import cross_validate, split, splits_of
from training.learning.metrics import metrics_of
from training.learning.recipes import choose_recipes

SETTINGS = TrainingSettings(folds=3, repeats=2)


def test_a_split_is_the_same_for_the_same_seed_and_keeps_every_row() -> None:
    table = table_of("housing")
    train, test = split(table, SETTINGS)
    assert len(test) == 102
    assert sorted([*train.positions, *test.positions]) == list(range(506))
    assert split(table, SETTINGS)[1].positions.tolist() == test.positions.tolist()
    other = split(table, TrainingSettings(seed=7))[1]
    assert other.positions.tolist() != test.positions.tolist()


def test_classes_keep_their_shares() -> None:
    train, test = split(table_of("obesity"), SETTINGS)
    assert np.unique(test.target, return_counts=True)[1].tolist() == [4] * 7
    assert np.unique(train.target, return_counts=True)[1].tolist() == [16] * 7


def test_too_few_rows_or_too_few_of_a_class_raise_an_error() -> None:
    with pytest.raises(DataError, match="6 rows are too few for 3 folds"):
        split(table_of("housing").take(np.arange(6)), SETTINGS)
    table = table_of("obesity")
    rare = np.flatnonzero(table.target == "Normal_Weight")[2:]
    with pytest.raises(DataError, match="2 rows of class Normal_Weight"):
        split(table.take(np.setdiff1d(np.arange(len(table)), rare)), SETTINGS)


def test_each_out_of_fold_prediction_is_from_a_model_not_fitted_on_the_row() -> None:
    table = table_of("housing")
    pipeline = choose_recipes(table.domain, ["forest"])[0].pipeline(table.domain, 1)
    pipeline.set_params(estimate__n_estimators=5)
    result = cross_validate(pipeline, table, splits_of(table, SETTINGS), "rmse")
    assert result.scores.shape == (6,)
    out_of_fold = metrics_of(table.domain, table.target, result.out_of_fold)["rmse"]
    seen = metrics_of(table.domain, table.target, pipeline.fit(table.frame, table.target).predict(table.frame))["rmse"]
    assert seen < 0.7 * out_of_fold
    assert out_of_fold == pytest.approx(np.sqrt(np.mean(result.scores[:3] ** 2)), rel=0.05)


def test_if_rows_have_a_time_validation_rows_are_later_than_training_rows() -> None:
    table = table_of("housing")
    days = np.random.default_rng(1).permutation(len(table))
    timed = replace(table, times=days.astype("datetime64[D]").astype("datetime64[ns]"))
    train, test = split(timed, SETTINGS)
    assert train.times is not None
    assert test.times is not None
    assert train.times.max() < test.times.min()
    splits = splits_of(train, SETTINGS)
    assert len(splits) == SETTINGS.folds, "folds by time are not repeated"
    for earlier, later in splits:
        assert train.times[earlier].max() < train.times[later].min()
    linear = choose_recipes(table.domain, ["linear"])[0].pipeline(table.domain, 1)
    assert np.isfinite(cross_validate(linear, train, splits, "rmse").out_of_fold).all()


def test_cross_validation_of_classes_predicts_names() -> None:
    table = table_of("obesity")
    pipeline = choose_recipes(table.domain, ["xgboost"])[0].pipeline(table.domain, 1)
    pipeline.set_params(estimate__xgboost__n_estimators=3)
    result = cross_validate(pipeline, table, splits_of(table, SETTINGS), "accuracy")
    assert set(result.out_of_fold) <= set(table.domain.target.classes)
    assert ((result.scores >= 0) & (result.scores <= 1)).all()
    assert result.probabilities is not None
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, atol=1e-6)
