from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone

from registry.fingerprint import fingerprint_of
from tests.models import fitted, table_of

HOUSING = ["linear", "forest", "histogram-boosting", "gradient-boosting", "xgboost", "kriging", "shap-kept"]
OBESITY = ["linear", "random-forest", "xgboost", "extra-trees"]
NAMES = [("housing", name) for name in HOUSING] + [("obesity", name) for name in OBESITY]


def fingerprint(pipeline: Any, domain: str) -> str:
    rows = table_of(domain).frame.head(20)
    return fingerprint_of(pipeline, pipeline.predict_proba(rows) if domain == "obesity" else pipeline.predict(rows))


@pytest.mark.parametrize(("domain", "recipe"), NAMES)
def test_a_model_fitted_again_on_other_cores_has_the_same_fingerprint(domain: str, recipe: str) -> None:
    table = table_of(domain)
    once = fitted(table, recipe)
    again = clone(once)
    # logistic regression warns that it no longer uses n_jobs
    jobs = {name: 2 for name in again.get_params() if name.endswith("n_jobs") and recipe != "linear"}
    again.set_params(**jobs).fit(table.frame, table.target)
    assert fingerprint(again, domain) == fingerprint(once, domain)


@pytest.mark.parametrize("recipe", ["linear", "xgboost", "forest"])
def test_other_training_rows_change_the_fingerprint(recipe: str) -> None:
    table = table_of("housing")
    fewer = table.take(np.arange(len(table) - 5))
    assert fingerprint(fitted(table, recipe), "housing") != fingerprint(fitted(fewer, recipe), "housing")


def test_another_parameter_changes_the_fingerprint_even_if_predictions_stay_equal() -> None:
    once = fitted(table_of("housing"), "linear")
    before = fingerprint(once, "housing")
    once[-1].positive = True
    assert fingerprint(once, "housing") != before
