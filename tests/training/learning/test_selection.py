from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.fingerprint import fingerprint_of
from registry.steps.keep_by_shap import KeepByShap
from schemas.settings import Settings, load_settings
from tests.models import table_of
from training.learning import selection as selection_module
from training.learning.candidates import SearchRecord
from training.learning.selection import load_selection, select, store_selection


def settings_for(domain: str) -> Settings:
    loaded = load_settings(domain=domain)
    swap = loaded.swap.model_copy(update={"max_us_per_row": 1000.0})
    return loaded.model_copy(
        update={"swap": swap, "training": loaded.training.model_copy(update={"folds": 3, "repeats": 1})}
    )


@pytest.mark.parametrize(
    ("domain", "models"),
    [("housing", ["linear", "ridge", "blend", "stack"]), ("obesity", ["logistic", "extra-trees", "blend"])],
)
def test_a_stored_selection_reads_back_as_it_was(domain: str, models: list[str], tmp_path: Path) -> None:
    table = table_of(domain)
    told: list[str] = []
    selection = select(table, settings_for(domain), told.append, models)
    assert any(f": {models[0]}" in message for message in told)
    store_selection(selection, tmp_path / "selection")
    found = load_selection(tmp_path / "selection", table)
    assert found.winner.name == selection.winner.name
    assert [one.name for one in found.candidates] == models
    assert [one.params for one in found.candidates] == [one.params for one in selection.candidates]
    assert len(found.splits) == 3
    for (learn, judge), (learn_before, judge_before) in zip(found.splits, selection.splits, strict=True):
        np.testing.assert_array_equal(learn, learn_before)
        np.testing.assert_array_equal(judge, judge_before)
    np.testing.assert_array_equal(found.winner.folds.scores, selection.winner.folds.scores)
    np.testing.assert_array_equal(found.winner.folds.out_of_fold, selection.winner.folds.out_of_fold)
    assert (found.winner.folds.probabilities is None) == (domain == "housing")
    for answer, before in zip(found.winner.folds.answers, selection.winner.folds.answers, strict=True):
        np.testing.assert_array_equal(answer, before)
    np.testing.assert_array_equal(found.pipeline.predict(table.frame), selection.pipeline.predict(table.frame))


def test_another_number_of_cores_finds_and_learns_the_same(tmp_path: Path) -> None:
    table = table_of("housing").take(np.arange(0, 506, 4))
    found = {}
    for cores in (1, 2):
        settings = settings_for("housing")
        training = settings.training.model_copy(update={"n_jobs": cores})
        search = settings.search.model_copy(update={"trials": 2})
        own = {"training": training, "search": search, "home": tmp_path / str(cores)}
        selection = select(table, settings.model_copy(update=own), lambda _: None, ["xgboost", "kriging", "blend"])
        answers = selection.pipeline.predict(table.frame.head(20))
        figures = [(one.name, one.folds.scores.tolist(), dict(one.params)) for one in selection.candidates]
        found[cores] = (selection.winner.name, figures, fingerprint_of(selection.pipeline, answers))
    assert found[1] == found[2]
    assert [name for name, _, _ in found[1][1]] == ["xgboost", "kriging", "blend"]


def test_the_older_experiments_choose_columns_and_parameters_inside_the_fold(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    table = table_of("housing").take(np.arange(0, 506, 4))
    loaded = settings_for("housing")
    settings = loaded.model_copy(update={"search": loaded.search.model_copy(update={"trials": 1}), "home": tmp_path})
    rows: list[int] = []
    fit = KeepByShap.fit

    def noted(self: KeepByShap, X: Any, y: Any) -> KeepByShap:
        rows.append(len(X))
        return fit(self, X, y)

    monkeypatch.setattr(KeepByShap, "fit", noted)
    selection = select(table, settings, lambda _: None, ["tuned-all", "shap-kept", "tuned-shap"])
    assert {one.name: one.search is not None for one in selection.candidates} == {
        "tuned-all": True, "shap-kept": False, "tuned-shap": True,
    }  # fmt: skip
    # three folds each, and three of a trial; all rows only for what would be registered
    assert Counter(count == len(table) for count in rows) == {False: 9, True: 2}


def test_what_a_search_found_is_left_where_the_recipe_is_better_or_cheaper_as_it_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = table_of("housing").take(np.arange(0, 506, 4))
    settings = settings_for("housing")
    record = SearchRecord(9, 4, 1.0, 2.0, is_cut=False)
    found = {"n_estimators": 1, "learning_rate": 0.01}
    monkeypatch.setattr(selection_module, "search", lambda *_: (found, record))
    (one,) = select(table, settings, lambda _: None, ["xgboost"]).candidates
    assert (one.params["n_estimators"], one.search) == (400, record)
    cheap = settings.model_copy(
        update={"swap": settings.swap.model_copy(update={"max_us_per_row": one.us_per_row / 2})}
    )
    (one,) = select(table, cheap, lambda _: None, ["xgboost"]).candidates
    assert one.params == found
