from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skops.io import dumps, get_untrusted_types, loads

from registry.allow_list import ALLOWED_TYPES
from registry.steps.boosting import BoostedClassifier, BoostedRegressor
from registry.steps.sharpening import SharpenedClassifier, sharpened

CATEGORY = 3
Rows = tuple[NDArray[np.float64], NDArray[np.float64]]


@pytest.fixture(scope="module")
def rows() -> Rows:
    rng = np.random.default_rng(5)
    matrix = rng.standard_normal((400, 4))
    matrix[:, CATEGORY] = rng.integers(0, 8, 400)
    target = 3 * matrix[:, 0] + 2 * np.isin(matrix[:, CATEGORY], [1, 4, 6]) + 5
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    return matrix, target


@pytest.mark.parametrize("log", [False, True])
def test_seeds_are_averaged_in_one_booster(rows: Rows, log: bool) -> None:
    matrix, target = rows

    def margins(seeds: int, first: int) -> NDArray[np.float64]:
        model = BoostedRegressor(20, {"subsample": 0.6}, [CATEGORY], seeds, first, log=log).fit(matrix, target)
        sums: NDArray[np.float64] = model.booster_.predict(model.binned(matrix), output_margin=True)
        return sums

    assert np.abs(margins(1, 7) - margins(1, 8)).max() > 1e-3
    assert margins(2, 7) == pytest.approx((margins(1, 7) + margins(1, 8)) / 2, rel=1e-5)


def test_a_target_on_a_logarithmic_scale_is_predicted_in_its_own_unit(rows: Rows) -> None:
    matrix, target = rows
    predicted = BoostedRegressor(200, categories=[CATEGORY], log=True).fit(matrix, np.exp(target)).predict(matrix)
    assert np.corrcoef(np.log(predicted), target)[0, 1] > 0.95


def test_splits_on_a_category_take_any_set_of_its_codes(rows: Rows) -> None:
    matrix, _ = rows
    target = np.isin(matrix[:, CATEGORY], [1, 4, 6]).astype(np.float64)
    params = {"max_depth": 1, "eta": 1.0, "reg_lambda": 0.0}

    def error(categories: list[int]) -> float:
        model = BoostedRegressor(1, params, categories).fit(matrix, target)
        return float(np.abs(model.predict(matrix) - target).mean())

    assert error([CATEGORY]) < 1e-6
    assert error([]) > 0.1


@pytest.mark.parametrize("names", [["no", "yes"], ["high", "low", "middle"]])
def test_probabilities_are_in_the_order_of_the_class_names(rows: Rows, names: list[str]) -> None:
    matrix, target = rows
    classes = np.array(names)[np.argsort(np.argsort(target)) * len(names) // len(target)]
    model = BoostedClassifier(60, categories=[CATEGORY], seeds=2).fit(matrix, classes)
    probabilities = model.predict_proba(matrix)
    assert model.classes_.tolist() == sorted(names)
    assert probabilities.sum(axis=1) == pytest.approx(1.0)
    assert np.mean(model.predict(matrix) == classes) > 0.95


def test_one_class_cannot_be_learned(rows: Rows) -> None:
    with pytest.raises(ValueError, match="all rows are of the class a"):
        BoostedClassifier(5).fit(rows[0], np.array(["a"] * len(rows[0])))


def test_sharpening_changes_probabilities_but_no_ranking(rows: Rows) -> None:
    matrix, target = rows
    classes = np.where(target > 5, "dear", "cheap")
    plain = BoostedClassifier(10).fit(matrix, classes)
    sharp = SharpenedClassifier(BoostedClassifier(10), power=2.0).fit(matrix, classes)
    assert sharp.predict_proba(matrix) == pytest.approx(sharpened(plain.predict_proba(matrix), 2.0))
    assert (sharp.predict_proba(matrix).max(axis=1) >= plain.predict_proba(matrix).max(axis=1) - 1e-9).all()
    assert (sharp.predict(matrix) == plain.predict(matrix)).all()


@pytest.mark.parametrize("kind", [BoostedRegressor, BoostedClassifier])
def test_a_stored_model_names_only_allowed_types_and_predicts_the_same(rows: Rows, kind: type[Any]) -> None:
    matrix, target = rows
    is_number = kind is BoostedRegressor
    model = kind(10, categories=[CATEGORY], seeds=2) if is_number else SharpenedClassifier(kind(10), 1.5)
    model.fit(matrix, target if is_number else np.where(target > 5, "dear", "cheap"))
    stored = dumps(model)
    assert set(get_untrusted_types(data=stored)) <= ALLOWED_TYPES
    again = loads(stored, trusted=sorted(ALLOWED_TYPES))
    assert (again.predict(matrix) == model.predict(matrix)).all()
