from __future__ import annotations

import numpy as np
import pytest

from registry.steps.keep_by_shap import KeepByShap

RNG = np.random.default_rng(4)
ROWS = RNG.normal(size=(150, 6))
PRICES = 3 * ROWS[:, 4] - 2 * ROWS[:, 1]
CLASSES = np.array(["low", "middle", "high"])[np.digitize(PRICES, [-1, 1])]


@pytest.mark.parametrize("target", [PRICES, CLASSES], ids=["prices", "classes"])
def test_the_most_important_columns_are_kept_in_order(target: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    step = KeepByShap(keep=2).fit(ROWS, target)
    assert np.flatnonzero(step.get_support()).tolist() == [1, 4]
    np.testing.assert_array_equal(step.transform(ROWS), ROWS[:, [1, 4]])


def test_the_importances_are_those_of_the_tree_explainer() -> None:
    shap = pytest.importorskip("shap", reason="shap has no build for this machine")
    from xgboost import XGBRegressor

    small = XGBRegressor(n_estimators=100, max_depth=4, learning_rate=0.1, n_jobs=1, random_state=0).fit(ROWS, PRICES)
    values = shap.TreeExplainer(small).shap_values(ROWS)
    step = KeepByShap(keep=2).fit(ROWS, PRICES)
    np.testing.assert_allclose(step.importance_, np.abs(values).mean(axis=0), rtol=1e-3, atol=1e-4)


def test_a_number_above_the_columns_keeps_all() -> None:
    assert KeepByShap(keep=10).fit_transform(ROWS, PRICES).shape == ROWS.shape
