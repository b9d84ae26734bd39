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


def test_a_split_is_the_same_for_the_same_seed_and_loses_no_row() -> None:
    table = table_of("housing")
    learn, test = split(table, SETTINGS)
    assert len(test) == 102
    assert sorted([*learn.positions, *test.positions]) == list(range(506))
    assert split(table, SETTINGS)[1].positions.tolist() == test.positions.tolist()
    other = split(table, TrainingSettings(seed=7))[1]
    assert other.positions.tolist() != test.positions.tolist()


def test_classes_keep_their_shares() -> None:
    learn, test = split(table_of("obesity"), SETTINGS)
    assert np.unique(test.target, return_counts=True)[1].tolist() == [4] * 7
    assert np.unique(learn.target, return_counts=True)[1].tolist() == [16] * 7


def test_too_few_rows_or_too_few_of_a_class_are_refused() -> None:
    with pytest.raises(DataError, match="6 rows are too few for 3 folds"):
        split(table_of("housing").take(np.arange(6)), SETTINGS)
    table = table_of("obesity")
    rare = np.flatnonzero(table.target == "Normal_Weight")[2:]
    with pytest.raises(DataError, match="2 rows of class Normal_Weight"):
        split(table.take(np.setdiff1d(np.arange(len(table)), rare)), SETTINGS)


def test_each_row_is_predicted_once_by_a_model_that_has_not_seen_it() -> None:
    table = table_of("housing")
    pipeline = choose_recipes(table.domain, ["random-forest"])[0].pipeline(table.domain, 1)
    pipeline.set_params(estimate__n_estimators=5)
    result = cross_validate(pipeline, table, splits_of(table, SETTINGS))
    assert result.scores.shape == (6,)
    out_of_fold = metrics_of(table.domain, table.target, result.out_of_fold)["rmse"]
    seen = metrics_of(table.domain, table.target, pipeline.fit(table.frame, table.target).predict(table.frame))["rmse"]
    assert seen < 0.7 * out_of_fold
    assert out_of_fold == pytest.approx(np.sqrt(np.mean(result.scores[:3] ** 2)), rel=0.05)


def test_where_rows_carry_a_time_later_rows_judge_what_learnt_from_earlier_ones() -> None:
    table = table_of("housing")
    days = np.random.default_rng(1).permutation(len(table))
    timed = replace(table, times=days.astype("datetime64[D]").astype("datetime64[ns]"))
    learn, test = split(timed, SETTINGS)
    assert learn.times is not None
    assert test.times is not None
    assert learn.times.max() < test.times.min()
    splits = splits_of(learn, SETTINGS)
    assert len(splits) == SETTINGS.folds, "time runs one way only"
    for teach, judge in splits:
        assert learn.times[teach].max() < learn.times[judge].min()
    linear = choose_recipes(table.domain, ["linear"])[0].pipeline(table.domain, 1)
    assert np.isfinite(cross_validate(linear, learn, splits).out_of_fold).all()


def test_folding_classes_gives_names() -> None:
    table = table_of("obesity")
    pipeline = choose_recipes(table.domain, ["xgboost"])[0].pipeline(table.domain, 1)
    pipeline.set_params(estimate__xgboost__n_estimators=3)
    result = cross_validate(pipeline, table, splits_of(table, SETTINGS))
    assert set(result.out_of_fold) <= set(table.domain.target.classes)
    assert ((result.scores >= 0) & (result.scores <= 1)).all()
    assert result.probabilities is not None
    np.testing.assert_allclose(result.probabilities.sum(axis=1), 1, atol=1e-6)
