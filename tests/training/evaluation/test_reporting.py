"""The report of a run: its document, its plots, and its page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schemas.sections import TrainingSettings
from tests.models import table_of
from training.evaluation.evaluating import Evaluation, evaluate
from training.evaluation.explaining import explain
from training.evaluation.reporting import write_report
from training.learning.candidates import SearchRecord, try_pipeline
from training.learning.folding import split, splits_of
from training.learning.recipes import choose_recipes
from training.learning.selection import Selection

TRAINING = TrainingSettings(folds=3, repeats=1)


def selection_of(domain: str, *recipes: str) -> tuple[Selection, Evaluation]:
    """The selection and evaluation of a run with few trees, in which the last recipe wins."""
    train, test = split(table_of(domain), TRAINING)
    splits = splits_of(train, TRAINING)
    candidates, pipelines = [], []
    for recipe in choose_recipes(train.domain, recipes):
        pipeline = recipe.pipeline(train.domain, seed=1)
        pipeline.set_params(**{name: 10 for name in pipeline.get_params() if name.endswith("n_estimators")})
        candidates.append(try_pipeline(recipe.name, pipeline, train, splits, 1000.0))
        pipelines.append(pipeline)
    selection = Selection(train, splits, tuple(candidates), candidates[-1], pipelines[-1])
    return selection, evaluate(selection, test)


def read(folder: Path) -> tuple[dict[str, Any], str]:
    document: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return document, (folder / "report.html").read_text()


def test_report_of_prices(tmp_path: Path) -> None:
    selection, evaluation = selection_of("housing", "linear", "random-forest")
    searched = replace(selection.winner, search=SearchRecord(12, 5, 3.3, 80.0, is_cut=True))
    selection = replace(selection, candidates=(selection.candidates[0], searched), winner=searched)
    returned = write_report(selection, evaluation, tmp_path)
    document, page = read(tmp_path)
    assert document == returned
    assert {path.stem for path in tmp_path.glob("*.png")} == {
        "predicted_against_actual", "residuals", "residual_distribution", "calibration",
        "importance", "shap_summary", "learning_curve",
    }  # fmt: skip
    test = document["test"]
    assert test["interval"]["low"] < test["figures"]["rmse"] < test["interval"]["high"]
    assert document["baseline"]["mean"] == pytest.approx(9.2, abs=0.8), "the standard deviation of the prices"
    linear, forest = document["candidates"]
    assert linear["low"] < linear["mean"] < linear["high"]
    assert linear["winner_gains"]["gain"] == pytest.approx(1 - forest["mean"] / linear["mean"])
    assert forest["winner_gains"] is None
    assert {"CHAS 1", "RAD 24"} <= {part["name"] for part in document["segments"]["out_of_fold"]}
    assert set(list(document["importance"])[:2]) == {"RM", "LSTAT"}
    assert (linear["search"], forest["search"]["trials"], forest["search"]["is_cut"]) == (None, 12, True)
    text = " ".join(page.split())
    assert "Searched random-forest: 12 trials, 5 of them pruned, in 80 s; stopped at the time limit." in text
    for shown in ("naive baseline", "within_5", "LSTAT up to", "Nadeau and Bengio", "thousands of dollars"):
        assert shown in text


def test_report_of_classes(tmp_path: Path) -> None:
    write_report(*selection_of("obesity", "xgboost"), tmp_path)
    document, page = read(tmp_path)
    assert {path.stem for path in tmp_path.glob("*.png")} == {
        "confusion_matrix", "calibration", "importance", "shap_summary", "learning_curve",
    }  # fmt: skip
    assert document["metric"] == "accuracy"
    for shown in ("precision/Normal_Weight", "log_loss", "auc", "macro_f1", "Gender Female"):
        assert shown in page


def test_figures_alone_write_a_page_without_plots_or_links(tmp_path: Path) -> None:
    selection, evaluation = selection_of("housing", "linear")
    (tmp_path / "old.png").write_bytes(b"of another run")
    write_report(selection, evaluation, tmp_path, "figures")
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "report.html"}
    _, page = read(tmp_path)
    assert not re.findall(r'(?:src|href)="(?!data:)', page)


def test_a_page_escapes_what_it_shows(tmp_path: Path) -> None:
    selection, evaluation = selection_of("housing", "linear")
    hostile = replace(selection, train=replace(selection.train, source="<b>homes</b>.csv"))
    write_report(hostile, evaluation, tmp_path, "figures")
    _, page = read(tmp_path)
    assert "&lt;b&gt;homes&lt;/b&gt;.csv" in page
    assert "<b>homes" not in page


def test_a_model_without_trees_is_not_explained() -> None:
    selection, _ = selection_of("housing", "ridge")
    assert explain(selection.pipeline, selection.train, seed=0) is None


def test_shap_values_add_up_to_the_predictions() -> None:
    selection, _ = selection_of("housing", "random-forest")
    explanation = explain(selection.pipeline, selection.train, seed=0)
    assert explanation is not None
    assert explanation.names == list(selection.train.domain.columns)
    predicted = selection.pipeline[-1].predict(explanation.rows)
    offsets = predicted - explanation.values.sum(axis=1)
    assert offsets == pytest.approx(offsets.mean())
