from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from registry.fingerprint import fingerprint_of
from registry.steps.keep_by_shap import KeepByShap
from schemas.errors import ConfigurationError, ModelRejectedError
from schemas.features import Features
from schemas.sections import GateSettings
from tests.training.learning.made_up_tables import (
    RareVacancies,
    RentLevels,
    Rents,
    made_up_table,
    permuted,
    settings_for,
)
from training.data.tables import Table
from training.gate.record import record_of
from training.gate.rules import skill_check
from training.learning import steps as steps_module
from training.learning.metrics import CLASS_METRICS, NUMBER_METRICS, is_better, score
from training.learning.selection import Selection, select
from training.learning.storing import load_selection, store_selection
from training.progress import discard_progress

QUICK = ["linear", "boosting"]


@pytest.fixture(autouse=True)
def _clock_that_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Budgets of tests are so small that the clock would stop them on a busy machine."""
    monkeypatch.setattr(steps_module, "perf_counter", lambda: 0.0)


@contextmanager
def _busy_cores() -> Iterator[None]:
    """Two processes that compute as long as the block lasts."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def fingerprint(selection: Selection) -> str:
    rows = selection.train.frame.head(20)
    pipeline = selection.pipeline
    has_classes = bool(selection.train.domain.target.classes)
    return fingerprint_of(pipeline, pipeline.predict_proba(rows) if has_classes else pipeline.predict(rows))


def figures(selection: Selection) -> list[Any]:
    return [(each.name, each.folds.scores.tolist(), dict(each.params)) for each in selection.candidates]


@pytest.mark.parametrize("contract", [Rents, RentLevels])
def test_a_stored_selection_is_read_back_unchanged(contract: type[Features], tmp_path: Path) -> None:
    table, models = made_up_table(contract), ["linear", "extra-trees", "blend"]
    messages: list[str] = []
    selection = select(table, settings_for(), messages.append, models)
    assert any("trying linear" in message for message in messages)
    store_selection(selection, tmp_path / "selection")
    loaded = load_selection(tmp_path / "selection", table)
    assert (loaded.winner.name, loaded.metric) == (selection.winner.name, selection.metric)
    assert (loaded.plan.figures(), loaded.spent) == (selection.plan.figures(), selection.spent)
    assert [each.name for each in loaded.candidates] == models
    assert [each.params for each in loaded.candidates] == [candidate.params for candidate in selection.candidates]
    assert len(loaded.splits) == 3
    for (train, validation), (train_before, validation_before) in zip(loaded.splits, selection.splits, strict=True):
        np.testing.assert_array_equal(train, train_before)
        np.testing.assert_array_equal(validation, validation_before)
    np.testing.assert_array_equal(loaded.winner.folds.scores, selection.winner.folds.scores)
    np.testing.assert_array_equal(loaded.winner.folds.out_of_fold, selection.winner.folds.out_of_fold)
    assert (loaded.winner.folds.probabilities is None) == (contract is Rents)
    for predicted, before in zip(loaded.winner.folds.predictions, selection.winner.folds.predictions, strict=True):
        np.testing.assert_array_equal(predicted, before)
    np.testing.assert_array_equal(loaded.pipeline.predict(table.frame), selection.pipeline.predict(table.frame))


@pytest.mark.parametrize("contract", [Rents, RentLevels])
def test_neither_load_nor_the_number_of_cores_changes_the_model(contract: type[Features]) -> None:
    table = made_up_table(contract)
    quiet = select(table, settings_for(n_jobs=1), discard_progress)
    with _busy_cores():
        busy = select(table, settings_for(n_jobs=4), discard_progress)
    assert quiet.plan == busy.plan
    assert figures(quiet) == figures(busy)
    assert fingerprint(quiet) == fingerprint(busy)
    assert (quiet.spent, quiet.stopped_after, busy.stopped_after) == (busy.spent, None, None)
    assert quiet.spent <= quiet.plan.work
    assert {"linear", "blend"} < {each.name for each in quiet.candidates}


def test_a_stop_by_the_clock_is_recorded_and_its_number_of_steps_gives_the_same_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table, ticks = made_up_table(Rents), count()
    with monkeypatch.context() as patched:
        # the first call notes the start; the end comes before the fourth step that a training can do without
        patched.setattr(steps_module, "perf_counter", lambda: 0.0 if next(ticks) < 3 else 1e9)
        stopped = select(table, settings_for(), discard_progress)
    assert stopped.stopped_after is not None
    assert stopped.stopped_after > 0
    again = select(table, settings_for(steps=stopped.stopped_after), discard_progress)
    assert again.stopped_after is None
    assert figures(again) == figures(stopped)
    assert fingerprint(again) == fingerprint(stopped)
    names = {each.name for each in stopped.candidates}
    assert "linear" in names
    assert "kriging" not in names, "that was the fourth"


def test_what_was_left_out_is_reported() -> None:
    messages: list[str] = []
    selection = select(made_up_table(Rents), settings_for(seconds=0.02), messages.append)
    assert {"kriging", "extra-trees"} <= selection.plan.left_out.keys()
    for what, reason in selection.plan.left_out.items():
        assert f"left out: {what}: {reason}" in messages


@pytest.mark.parametrize("metric", [*NUMBER_METRICS, *CLASS_METRICS])
def test_the_metric_of_the_settings_decides(metric: str) -> None:
    table = made_up_table(RentLevels if metric in CLASS_METRICS else Rents, 100)
    selection = select(table, settings_for(1.0, folds=2, metric=metric), discard_progress, QUICK)
    assert selection.metric == metric
    for candidate in selection.candidates:
        for (_, validation), predicted, value in zip(
            selection.splits, candidate.folds.predictions, candidate.folds.scores, strict=True
        ):
            assert value == pytest.approx(score(table.domain, metric, table.target[validation], predicted))
        assert not is_better(metric, candidate.mean, selection.winner.mean)
    if metric in NUMBER_METRICS:
        objectives = {each.params["objective"] for each in selection.candidates if "objective" in each.params}
        assert objectives == {"reg:squarederror" if metric == "rmse" else "reg:absoluteerror"}


@pytest.mark.parametrize(("contract", "metric"), [(Rents, "auc"), (RentLevels, "rmse")])
def test_a_metric_for_the_other_task_is_an_error_in_one_line(contract: type[Features], metric: str) -> None:
    table = made_up_table(contract, 60)
    with pytest.raises(
        ConfigurationError, match=f"training.metric is {metric}, which is not for .*; choose from"
    ) as caught:
        select(table, settings_for(metric=metric), discard_progress)
    assert "\n" not in str(caught.value)


def test_folds_of_rows_with_a_time_train_on_earlier_rows_and_predict_every_row() -> None:
    table = made_up_table(Rents)
    days = np.random.default_rng(2).permutation(len(table)).astype("datetime64[D]").astype("datetime64[ns]")
    timed = replace(table, times=days)
    selection = select(timed, settings_for(1.0), discard_progress, QUICK)
    assert len(selection.splits) == selection.plan.folds
    for train, validation in selection.splits:
        assert days[train].max() < days[validation].min()
    for candidate in selection.candidates:
        assert np.isfinite(candidate.folds.out_of_fold).all(), "a model of all later rows predicts the earliest"
    assert np.isfinite(selection.pipeline.predict(timed.frame)).all()


def _skill(table: Table) -> str:
    settings = settings_for(folds=5, repeats=2)
    selection = select(table, settings, discard_progress, QUICK)
    record = record_of(selection.train, selection.splits, selection.metric, selection.winner.folds)
    return skill_check(record, GateSettings()).outcome


@pytest.mark.parametrize("contract", [Rents, RareVacancies])
def test_permuted_targets_have_no_skill_and_the_real_ones_have(contract: type[Features]) -> None:
    table = made_up_table(contract, 300)
    if contract is RareVacancies:
        assert np.mean(table.target == "no") == 0.94
    assert _skill(table) == "passed"
    assert _skill(permuted(table)) == "failed"


def test_columns_are_selected_by_shap_inside_each_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    table = made_up_table(Rents)
    rows: list[int] = []
    fit = KeepByShap.fit

    def recording(self: KeepByShap, X: Any, y: Any) -> KeepByShap:
        rows.append(len(X))
        return fit(self, X, y)

    monkeypatch.setattr(KeepByShap, "fit", recording)
    select(table, settings_for(), discard_progress, ["shap-kept"])
    assert Counter(count == len(table) for count in rows) == {False: 3, True: 1}


def test_a_table_whose_models_all_cost_too_much_is_an_error() -> None:
    with pytest.raises(ModelRejectedError, match="no model costs at most"):
        select(made_up_table(Rents), settings_for(max_us_per_row=1e-6), discard_progress, ["linear"])
