"""The report of a run: its document, its plots, and its page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import pytest

from schemas.sections import TrainingSettings
from tests.browser import render_page
from tests.models import table_of
from training.evaluation.evaluating import Evaluation, evaluate
from training.evaluation.explaining import explain
from training.evaluation.reporting import update_report, write_report
from training.evaluation.segments import segments_of
from training.learning.candidates import Candidate
from training.learning.encoded_table import encode_table
from training.learning.folding import cross_validate, split, splits_of
from training.learning.metrics import deciding_metric, mean_and_sd
from training.learning.plan import make_plan
from training.learning.recipes import choose_recipes
from training.learning.selection import Selection

TRAINING = TrainingSettings(folds=3, repeats=1)


def selection_of(domain: str, *recipes: str) -> tuple[Selection, Evaluation]:
    """The selection and evaluation of a run with few trees, in which the last recipe wins."""
    train, test = split(table_of(domain), TRAINING)
    splits = splits_of(train, TRAINING)
    metric = deciding_metric(train.domain, TRAINING)
    chosen = choose_recipes(train.domain, recipes)
    plan = make_plan(encode_table(train), TRAINING, metric, chosen, recipes)
    candidates, pipelines = [], []
    for recipe in chosen:
        pipeline = recipe.pipeline(train.domain, seed=1)
        pipeline.set_params(**{name: 10 for name in pipeline.get_params() if name.endswith("n_estimators")})
        folds = cross_validate(pipeline, train, splits, metric)
        mean, sd = mean_and_sd(folds.scores)
        candidates.append(Candidate(recipe.name, mean, sd, 1.0, True, folds))
        pipelines.append(pipeline.fit(train.frame, train.target))
    selection = Selection(train, metric, splits, tuple(candidates), candidates[-1], pipelines[-1], plan, spent=1.5)
    return selection, evaluate(selection, test)


def read(folder: Path) -> tuple[dict[str, Any], str]:
    document: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return document, (folder / "report.html").read_text()


def test_report_of_prices(tmp_path: Path) -> None:
    selection, evaluation = selection_of("housing", "linear", "forest")
    selection = replace(selection, stopped_after=4)
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
    assert (document["version"], document["gate"]) == (None, None)
    assert set(list(document["importance"])[:2]) == {"RM", "LSTAT"}
    assert (document["plan"]["seconds"], document["plan"]["spent"], document["plan"]["stopped_after"]) == (120, 1.5, 4)
    text = " ".join(page.split())
    assert "The clock stopped it after 4 steps; the same table with training.steps 4 gives the same model." in text
    shown = ("naive baseline", "within_5", "LSTAT up to", "Nadeau and Bengio", "thousands of dollars", "Not registered")
    for each in shown:
        assert each in text


def test_report_of_classes(tmp_path: Path) -> None:
    write_report(*selection_of("obesity", "xgboost"), tmp_path)
    document, page = read(tmp_path)
    assert {path.stem for path in tmp_path.glob("*.png")} == {
        "confusion_matrix", "calibration", "importance", "shap_summary", "learning_curve",
    }  # fmt: skip
    assert document["metric"] == "log_loss"
    for shown in ("precision/Normal_Weight", "log_loss", "auc", "macro_f1", "Gender Female"):
        assert shown in page


def test_a_part_of_a_segment_with_few_rows_is_counted_and_not_shown(tmp_path: Path) -> None:
    selection, evaluation = selection_of("housing", "linear")
    segments = write_report(selection, evaluation, tmp_path, "figures")["segments"]
    rows = {part["name"]: part["rows"] for part in segments["out_of_fold"]["parts"]}
    assert {"CHAS 0", "RAD 24"} <= rows.keys()
    assert min(rows.values()) >= 30
    train, test, domain = selection.train, evaluation.test, selection.train.domain
    for name, table in (("out_of_fold", train), ("test", test)):
        few = [each for each in segments_of(domain, table.frame, train.frame) if len(each.rows) < 30]
        assert "CHAS 1" in {each.name for each in few}
        assert segments[name]["dropped"] == len(few)
    text = " ".join(read(tmp_path)[1].split())
    assert f"Test rows: {segments['test']['dropped']} parts have fewer than 30 rows and are not shown." in text
    assert "CHAS 1" not in text


@pytest.mark.parametrize("domain", ["housing", "obesity"])
def test_a_page_fits_a_phone_and_its_tables_scroll_within_themselves(domain: str, tmp_path: Path) -> None:
    recipes = {"housing": ("linear", "forest"), "obesity": ("random-forest",)}
    document = write_report(*selection_of(domain, *recipes[domain]), tmp_path, "figures")
    gate = {
        "status": "forced", "time": "2026-11-28T12:00:00Z", "champion": "1", "stage": "Production",
        "override": {"actor": "eve", "reason": "because-" * 40},
        "checks": [{"name": "gain", "outcome": "failed", "reason": "w" * 200}],
        "footing": {
            "how": "recipe", "rows": 400, "reason": "x" * 300,
            "figures": document["out_of_fold"], "champion_figures": document["out_of_fold"],
        },
    }  # fmt: skip
    update_report(tmp_path, {"version": "2", "gate": gate})
    frame = f'<iframe id="page" style="width:480px;height:900px" srcdoc="{escape(read(tmp_path)[1])}"></iframe>'
    measure = (
        "const root = document.getElementById('page').contentDocument.documentElement;"
        "const wide = [...root.querySelectorAll('.table')].filter(each => each.scrollWidth > each.clientWidth);"
        "document.body.dataset.sizes = [root.scrollWidth, root.clientWidth, wide.length].join(' ');"
    )
    (tmp_path / "frame.html").write_text(f"{frame}<script>window.onload = () => {{{measure}}}</script>")
    dom = render_page((tmp_path / "frame.html").as_uri(), tmp_path / "profile").dom
    found = re.search(r'data-sizes="(\d+) (\d+) (\d+)"', dom)
    assert found is not None
    width, window, wide = map(int, found.groups())
    assert width <= window <= 480
    assert wide > 0


def test_figures_alone_write_a_page_without_plots_or_links(tmp_path: Path) -> None:
    selection, evaluation = selection_of("housing", "linear")
    (tmp_path / "old.png").write_bytes(b"of another run")
    write_report(selection, evaluation, tmp_path, "figures")
    assert {path.name for path in tmp_path.iterdir()} == {"report.json", "report.html"}
    _, page = read(tmp_path)
    assert not re.findall(r'(?:src|href)="(?!data:)|url\(|@import', page)


def test_a_page_escapes_what_it_shows(tmp_path: Path) -> None:
    selection, evaluation = selection_of("housing", "linear")
    hostile = replace(selection, train=replace(selection.train, source="<b>homes</b>.csv"))
    write_report(hostile, evaluation, tmp_path, "figures")
    _, page = read(tmp_path)
    assert "&lt;b&gt;homes&lt;/b&gt;.csv" in page
    assert "<b>homes" not in page


def test_a_model_without_trees_is_not_explained() -> None:
    selection, _ = selection_of("housing", "linear")
    assert explain(selection.pipeline, selection.train, seed=0) is None


def test_shap_values_add_up_to_the_predictions() -> None:
    selection, _ = selection_of("housing", "forest")
    explanation = explain(selection.pipeline, selection.train, seed=0)
    assert explanation is not None
    assert explanation.names == list(selection.train.domain.columns)
    predicted = selection.pipeline[-1].predict(explanation.rows)
    offsets = predicted - explanation.values.sum(axis=1)
    assert offsets == pytest.approx(offsets.mean())
