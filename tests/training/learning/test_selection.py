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
from training.learning.selection import select
from training.learning.storing import load_selection, store_selection
from training.progress import discard_progress


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
def test_a_stored_selection_is_read_back_unchanged(domain: str, models: list[str], tmp_path: Path) -> None:
    table = table_of(domain)
    messages: list[str] = []
    selection = select(table, settings_for(domain), messages.append, models)
    assert any(f": {models[0]}" in message for message in messages)
    store_selection(selection, tmp_path / "selection")
    loaded = load_selection(tmp_path / "selection", table)
    assert loaded.winner.name == selection.winner.name
    assert [each.name for each in loaded.candidates] == models
    assert [each.params for each in loaded.candidates] == [candidate.params for candidate in selection.candidates]
    assert len(loaded.splits) == 3
    for (train, validation), (train_before, validation_before) in zip(loaded.splits, selection.splits, strict=True):
        np.testing.assert_array_equal(train, train_before)
        np.testing.assert_array_equal(validation, validation_before)
    np.testing.assert_array_equal(loaded.winner.folds.scores, selection.winner.folds.scores)
    np.testing.assert_array_equal(loaded.winner.folds.out_of_fold, selection.winner.folds.out_of_fold)
    assert (loaded.winner.folds.probabilities is None) == (domain == "housing")
    for predicted, before in zip(loaded.winner.folds.predictions, selection.winner.folds.predictions, strict=True):
        np.testing.assert_array_equal(predicted, before)
    np.testing.assert_array_equal(loaded.pipeline.predict(table.frame), selection.pipeline.predict(table.frame))


def test_the_number_of_cores_does_not_change_the_selection(tmp_path: Path) -> None:
    table = table_of("housing").take(np.arange(0, 506, 4))
    results = {}
    for cores in (1, 2):
        settings = settings_for("housing")
        training = settings.training.model_copy(update={"n_jobs": cores})
        search = settings.search.model_copy(update={"trials": 2})
        own = {"training": training, "search": search, "home": tmp_path / str(cores)}
        selection = select(table, settings.model_copy(update=own), discard_progress, ["xgboost", "kriging", "blend"])
        predictions = selection.pipeline.predict(table.frame.head(20))
        figures = [
            (candidate.name, candidate.folds.scores.tolist(), dict(candidate.params))
            for candidate in selection.candidates
        ]
        results[cores] = (selection.winner.name, figures, fingerprint_of(selection.pipeline, predictions))
    assert results[1] == results[2]
    assert [name for name, _, _ in results[1][1]] == ["xgboost", "kriging", "blend"]


def test_columns_are_selected_by_shap_inside_each_fold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    table = table_of("housing").take(np.arange(0, 506, 4))
    loaded = settings_for("housing")
    settings = loaded.model_copy(update={"search": loaded.search.model_copy(update={"trials": 1}), "home": tmp_path})
    rows: list[int] = []
    fit = KeepByShap.fit

    def recording(self: KeepByShap, X: Any, y: Any) -> KeepByShap:
        rows.append(len(X))
        return fit(self, X, y)

    monkeypatch.setattr(KeepByShap, "fit", recording)
    selection = select(table, settings, discard_progress, ["tuned-all", "shap-kept", "tuned-shap"])
    assert {candidate.name: candidate.search is not None for candidate in selection.candidates} == {
        "tuned-all": True, "shap-kept": False, "tuned-shap": True,
    }  # fmt: skip
    # three folds of each recipe and of a trial; all rows only for the final fits
    assert Counter(count == len(table) for count in rows) == {False: 9, True: 2}


def test_a_recipes_own_parameters_are_kept_if_they_are_better_or_cheaper_than_the_searchs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = table_of("housing").take(np.arange(0, 506, 4))
    settings = settings_for("housing")
    record = SearchRecord(9, 4, 1.0, 2.0, is_cut=False)
    params = {"n_estimators": 1, "learning_rate": 0.01}
    monkeypatch.setattr(selection_module, "search", lambda *_: (params, record))
    (candidate,) = select(table, settings, discard_progress, ["xgboost"]).candidates
    assert (candidate.params["n_estimators"], candidate.search) == (400, record)
    swap = settings.swap.model_copy(update={"max_us_per_row": candidate.us_per_row / 2})
    (candidate,) = select(table, settings.model_copy(update={"swap": swap}), discard_progress, ["xgboost"]).candidates
    assert candidate.params == params
