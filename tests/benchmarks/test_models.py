"""The comparison of our training with older recipes: its report, its page, and when the goals are reached."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import comparing
from benchmarks.compare_models import compare_models
from benchmarks.models import ModelsReport, ModelStanding, RecipeComparison, TableComparison
from benchmarks.models_page import render_page
from benchmarks.recipes import CONTENDERS, HOUSING, SEED
from benchmarks.tables.report import TablesReport
from benchmarks.training_times import TrainingTimes
from schemas.sections import TrainingSettings
from schemas.settings import Settings, load_settings
from tests.models import table_of
from tests.tasador.command import runner_of
from training.data.tables import Table
from training.learning.folding import splits_of
from training.learning.selection import Selection, select
from training.progress import Progress

DOCS = Path(__file__).parents[2] / "docs"
QUICK = HOUSING[:2]


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_TRAINING__MODELS", '["linear"]')
    monkeypatch.setitem(CONTENDERS, "housing", QUICK)
    monkeypatch.setitem(comparing.REPEATS, "housing", 1)


def comparison(
    *, error: float = 3.0, us_per_row: float = 9.0, won: float = 0.8, f1: float | None = None
) -> TableComparison:
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
    versus = RecipeComparison(
        ours="ours", older="theirs", gain=gain, low=-0.1, high=0.2, naive_low=0, naive_high=0.1, won=won
    )
    return TableComparison(
        domain="housing",
        source="a table",
        rows=506,
        folds=5,
        repeats=5,
        metric="rmse",
        seconds=20,
        standings=(standing("theirs", 3.2), standing("ours", error)),
        versus=versus,
    )


def test_numbers_need_a_gain_in_most_folds_within_the_cost() -> None:
    assert comparison().is_good
    assert not comparison(error=3.1).is_good
    assert not comparison(won=0.7).is_good
    assert not comparison(us_per_row=11).is_good


def test_classes_need_accuracy_and_macro_f1() -> None:
    assert comparison(error=0.991, f1=0.991).is_good
    assert not comparison(error=0.991, f1=0.98).is_good
    assert not comparison(error=0.98, f1=0.991).is_good


def test_our_training_runs_on_the_training_rows_of_each_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []
    table, learned = table_of("housing"), list[list[int]]()

    def recording(train: Table, settings: Settings, progress: Progress) -> Selection:
        learned.append(sorted(train.positions.tolist()))
        assert settings.training.seconds == 1.5
        return select(train, settings, progress, ["linear"])

    monkeypatch.setattr(comparing, "select", recording)
    settings = comparing.with_budget(load_settings(), 1.5)
    result = comparing.compare_recipes(table, QUICK, 1, settings, lines.append)
    assert [len(standing.scores) for standing in result.standings] == [5, 5, 5]
    assert [standing.is_ours for standing in result.standings] == [False, False, True]
    splits = splits_of(table, TrainingSettings(seed=SEED, repeats=1))
    *folds, old_split = learned
    assert folds == [sorted(train.tolist()) for train, _ in splits]
    assert len(old_split) == 404
    assert result.versus.older in {"linear", "ridge"}
    # a ridge regression, as the second of the older recipes
    assert result.standings[2].scores == pytest.approx(result.standings[1].scores, rel=0.02)
    assert (result.folds, result.repeats, result.rows, result.seconds, len(lines)) == (5, 1, 506, 1.5, 3)


@pytest.mark.usefixtures("_quick")
def test_the_command_writes_a_report_and_exits_with_1_if_a_goal_is_missed(tmp_path: Path) -> None:
    table_of("housing").with_target().to_csv(tmp_path / "homes.csv", index=False)
    output = tmp_path / "reports" / "models.json"
    arguments = ("--housing", str(tmp_path / "homes.csv"), "--output", str(output), "--seconds", "1")
    result = runner_of(compare_models).run(*arguments)
    assert result.exit_code == 1
    assert "506 rows of homes.csv" in result.stdout
    assert "Ours plans for 1 s on two cores in each fold." in result.stdout
    assert "µs a row: NOT REACHED" in result.stdout
    report = ModelsReport.model_validate_json(output.read_bytes())
    assert [len(standing.scores) for standing in report.tables[0].standings] == [5, 5, 5]
    assert report.machine.versions["scikit-learn"]


def test_the_page_is_generated_from_the_reports() -> None:
    report = ModelsReport.model_validate_json((DOCS / "bench-models.json").read_bytes())
    panel = TablesReport.model_validate_json((DOCS / "bench-tables.json").read_bytes())
    times = TrainingTimes.model_validate_json((DOCS / "bench-training.json").read_bytes())
    assert render_page(report, panel, times) == (DOCS / "models.md").read_text(encoding="utf-8")
    older = {standing.title for table in report.tables for standing in table.standings if not standing.is_ours}
    assert older == {recipe.title for recipes in CONTENDERS.values() for recipe in recipes}
    assert json.loads((DOCS / "bench-models.json").read_text(encoding="utf-8"))["tables"][0]["standings"][0]["scores"]
