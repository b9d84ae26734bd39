"""Recipes beside recipes: what the report says of them, and when it is enough."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import judging
from benchmarks.models import Judgement, ModelsReport, ModelStanding, Versus
from benchmarks.models_page import render_page
from benchmarks.recipes import CHOSEN, CONTENDERS, HOUSING, RecipeContender
from tasador.cli.commands.bench_models import bench_models
from tests.models import table_of
from tests.tasador.command import runner_of
from training.learning.recipes import choose_recipes

DOCS = Path(__file__).parents[2] / "docs"
RIDGE = RecipeContender(
    CHOSEN["housing"], True, lambda domain: choose_recipes(domain, ["ridge"])[0].pipeline(domain, 1)
)
QUICK = (*HOUSING[:2], RIDGE)


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONTENDERS, "housing", QUICK)
    monkeypatch.setitem(judging.REPEATS, "housing", 1)


def judged(*, error: float = 3.0, us_per_row: float = 9.0, won: float = 0.8, f1: float | None = None) -> Judgement:
    def standing(title: str, mean: float) -> ModelStanding:
        return ModelStanding(
            title=title,
            is_ours=title == "ours",
            scores=(mean,),
            mean=mean,
            sd=0.1,
            macro_f1=f1,
            us_per_row=us_per_row,
            fit_s=0.1,
            old_split=mean,
        )

    gain = 1 - error / 3.2
    versus = Versus(ours="ours", older="theirs", gain=gain, low=-0.1, high=0.2, naive_low=0, naive_high=0.1, won=won)
    return Judgement(
        domain="housing",
        source="a table",
        rows=506,
        folds=5,
        repeats=5,
        metric="rmse",
        standings=(standing("theirs", 3.2), standing("ours", error)),
        versus=versus,
    )


def test_prices_want_a_gain_in_most_folds_within_the_cost() -> None:
    assert judged().is_good
    assert not judged(error=3.1).is_good
    assert not judged(won=0.7).is_good
    assert not judged(us_per_row=11).is_good


def test_classes_want_accuracy_and_macro_f1() -> None:
    assert judged(error=0.991, f1=0.991).is_good
    assert not judged(error=0.991, f1=0.98).is_good
    assert not judged(error=0.98, f1=0.991).is_good


def test_all_are_judged_on_the_same_folds() -> None:
    told: list[str] = []
    table = table_of("housing")
    found = judging.judge(table, QUICK, 1, told.append)
    assert [len(one.scores) for one in found.standings] == [5, 5, 5]
    # the same recipe under two names
    older, ours = found.standings[1], found.standings[2]
    assert ours.scores == pytest.approx(older.scores)
    assert found.versus.older in {"linear", "ridge"}
    assert (found.folds, found.repeats, found.rows, len(told)) == (5, 1, 506, 3)


@pytest.mark.usefixtures("_quick")
def test_the_command_writes_a_report_and_ends_with_1_where_a_goal_is_missed(tmp_path: Path) -> None:
    table_of("housing").with_target().to_csv(tmp_path / "homes.csv", index=False)
    output = tmp_path / "reports" / "models.json"
    asked = ("--housing", str(tmp_path / "homes.csv"), "--output", str(output))
    result = runner_of(bench_models).run(*asked)
    assert result.exit_code == 1
    assert "506 rows of homes.csv" in result.stdout
    assert "GOAL NOT REACHED" in result.stdout
    report = ModelsReport.model_validate_json(output.read_bytes())
    assert [len(one.scores) for one in report.tables[0].standings] == [5, 5, 5]
    assert report.machine.versions["scikit-learn"]


def test_the_page_is_that_of_the_report() -> None:
    report = ModelsReport.model_validate_json((DOCS / "bench-models.json").read_bytes())
    assert render_page(report) == (DOCS / "models.md").read_text(encoding="utf-8")
    titles = {one.title for table in report.tables for one in table.standings}
    assert titles == {one.title for some in CONTENDERS.values() for one in some}
    assert json.loads((DOCS / "bench-models.json").read_text(encoding="utf-8"))["tables"][0]["standings"][0]["scores"]
