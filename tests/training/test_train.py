from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.tables.panel import PanelTable
from benchmarks.tables.permuted import train_permuted
from benchmarks.tables.preparing import workspace
from registry.gate_reports import read_gate_report
from registry.loading import load_scorer
from registry.location import tracking_uri_of
from registry.runs import read_json
from registry.stages import PREVIOUS_CHAMPION
from registry.store import Registry
from registry.versions import FINGERPRINT_TAG, TRAINING_TAG
from schemas.domains.obesity import Obesity
from schemas.errors import ConfigurationError, DataError, ModelNotFoundError, ModelRejectedError
from schemas.interval_settings import IntervalSettings
from schemas.quality_limits import QualityLimits
from schemas.rows import RowBuilder
from schemas.settings import Settings
from tests.models import OPEN_GATE, OPEN_INTERVAL, SmallModel, made_up_rows, small_model, table_of
from training.data.provenance import Provenance, file_sha256
from training.data.quality import RowProblem
from training.run import find_test_rows, train
from training.trigger import Trigger, git_commit

pytestmark = pytest.mark.long

__all__ = ["small_model"]

FAST = ["linear", "xgboost-reference"]


@pytest.fixture(scope="module")
def settings(small_model: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings with a copy of a registry that already has a champion."""
    loaded = small_model.in_copy(tmp_path_factory.mktemp("training") / "home").settings
    swap = loaded.swap.model_copy(update={"max_us_per_row": 1000.0})
    training = loaded.training.model_copy(update={"folds": 3, "repeats": 1, "report": "figures"})
    return loaded.model_copy(update={"swap": swap, "training": training, "gate": OPEN_GATE, "interval": OPEN_INTERVAL})


def test_training_registers_and_promotes_the_winner(settings: Settings) -> None:
    messages: list[str] = []
    registry = Registry(tracking_uri_of(settings), "housing")
    before = registry.resolve().version
    result = train(settings, models=FAST, progress=messages.append, trigger=Trigger("command", "c-1"))
    champion = registry.resolve()
    assert result.is_champion
    assert (champion.version, champion.digest) == (result.version, result.digest)
    assert (champion.algorithm, champion.command_id) == (result.algorithm, "c-1")
    assert champion.data_sha256 == result.data_sha256 == table_of("housing").sha256()
    assert registry.resolve(alias=PREVIOUS_CHAMPION).version == before
    assert champion.metrics["test_rmse"] == result.metrics["test_rmse"]
    assert [candidate.name for candidate in result.candidates] == FAST
    assert any("trying linear" in message for message in messages)
    scorer = load_scorer(Path(champion.uri), settings.load_domain())
    assert scorer.card.rows == 404
    assert scorer.card.metrics == pytest.approx(result.metrics)
    assert scorer.calibration is not None
    assert (scorer.calibration.coverage, scorer.calibration.rows) == (0.9, 404)
    assert champion.metrics["cv_coverage"] == pytest.approx(0.9, abs=0.03)
    assert champion.metrics["test_coverage"] == pytest.approx(0.9, abs=0.1)
    assert champion.metrics["cv_width"] == pytest.approx(champion.metrics["test_width"], rel=0.2)


def test_the_number_of_cores_does_not_change_the_model(settings: Settings) -> None:
    registry = Registry(tracking_uri_of(settings), "housing")
    versions = []
    for cores in (1, 2):
        own = settings.model_copy(update={"training": settings.training.model_copy(update={"n_jobs": cores})})
        result = train(own, models=["extra-trees"], promote=False)
        versions.append(registry.resolve(version=result.version))
    first, second = versions
    assert first.tags[FINGERPRINT_TAG] == second.tags[FINGERPRINT_TAG]
    assert first.tags[TRAINING_TAG] == second.tags[TRAINING_TAG]
    names = {name for name in first.metrics if not name.startswith("seconds/") and not name.endswith("us_per_row")}
    assert "test_rmse" in names
    assert {name: first.metrics[name] for name in names} == {name: second.metrics[name] for name in names}


def test_the_test_rows_are_recorded_and_not_used_for_training(settings: Settings) -> None:
    result = train(settings, models=["linear"], promote=False)
    table = table_of("housing")
    assert find_test_rows(settings, result.version) == result.test_rows
    assert len(result.test_rows) == 102
    registry = Registry(tracking_uri_of(settings), "housing")
    info = registry.resolve(version=result.version)
    reference = pd.read_parquet(Path(info.uri) / "reference.parquet")
    assert len(reference) == 404
    held_out = table.with_target().iloc[list(result.test_rows)]
    assert reference.merge(held_out, on=list(held_out.columns)).empty
    scorer = load_scorer(Path(info.uri), table.domain)
    predicted = scorer.score(RowBuilder(table.domain).matrix_of_frame(held_out))
    rmse = float(np.sqrt(np.mean((predicted - held_out["MEDV"].to_numpy()) ** 2)))
    assert rmse == pytest.approx(result.metrics["test_rmse"])


def test_without_promotion_the_champion_does_not_change(settings: Settings) -> None:
    registry = Registry(tracking_uri_of(settings), "housing")
    before = registry.resolve().version
    without = IntervalSettings(coverage=None)
    result = train(settings.model_copy(update={"interval": without}), models=["linear"], promote=False)
    assert not result.is_champion
    assert registry.resolve().version == before
    assert registry.versions()[0].version == result.version
    assert load_scorer(Path(registry.versions()[0].uri), settings.load_domain()).calibration is None
    assert "cv_coverage" not in result.metrics


def test_a_run_logs_its_data_and_the_refused_rows(settings: Settings, tmp_path: Path) -> None:
    raw = table_of("housing").with_target()
    raw.loc[7, "RM"] = 99
    raw.to_csv(tmp_path / "data.csv", index=False)
    result = train(settings, tmp_path / "data.csv", ["linear"], promote=False)
    assert result.rows == 505
    assert [problem.row for problem in result.problems] == [8]
    assert 7 not in result.test_rows
    registry = Registry(tracking_uri_of(settings), "housing")
    run = registry.client.get_run(result.run_id)
    assert run.data.params["source"] == str(tmp_path / "data.csv")
    assert run.data.params["algorithm"] == "linear"
    assert run.data.metrics["linear/mean"] == result.candidates[0].mean
    assert run.inputs is not None
    dataset = run.inputs.dataset_inputs[0].dataset
    assert dataset.digest == result.data_sha256[:36]
    assert dataset.profile
    assert json.loads(dataset.profile) == {"num_rows": 404, "num_elements": 404 * 14}
    assert run.info.status == "FINISHED"
    quality = read_json(registry.client, registry.tracking_uri, result.run_id, "quality.json")
    assert [str(RowProblem(**problem)) for problem in quality["problems"]] == [
        "row 8, RM = 99.0: Input should be less than or equal to 15"
    ]
    provenance = Provenance(**read_json(registry.client, registry.tracking_uri, result.run_id, "provenance.json"))
    assert provenance.bytes_sha256 == file_sha256(tmp_path / "data.csv")
    assert provenance.tags().items() <= run.data.tags.items()
    assert provenance.tags().items() <= registry.resolve(version=result.version).tags.items()
    assert (settings.home / "data" / f"{provenance.bytes_sha256}.provenance.json").exists()


def test_a_run_logs_tags_metrics_and_the_report(settings: Settings, tmp_path: Path) -> None:
    result = train(settings, models=["linear"], trigger=Trigger("command line"), reports=tmp_path)
    registry = Registry(tracking_uri_of(settings), "housing")
    run = registry.client.get_run(result.run_id)
    version = registry.resolve(version=result.version)
    expected = {"model_type": "linear", "trigger": "command line", "data_sha256": result.data_sha256}
    for tags in (run.data.tags, version.tags):
        assert expected.items() <= tags.items()
        assert tags["validation_status"] == "passed"
        assert tags["training_date"]
        assert ("git_commit" in tags) == (git_commit() is not None)
    stages = {"ingest", "validate", "train", "evaluate", "report", "register"}
    assert stages == {name.removeprefix("seconds/") for name in run.data.metrics if name.startswith("seconds/")}
    assert {"test_rmse", "test_mae", "test_median_error", "test_within_5"} <= run.data.metrics.keys()
    assert "segment/CHAS 1/rmse" in run.data.metrics
    files = {each.path for each in registry.client.list_artifacts(result.run_id, "report")}
    assert files == {"report/report.html", "report/report.json"}
    assert {path.name for path in (tmp_path / "housing").iterdir()} == {"report.html", "report.json"}
    assert read_gate_report(registry, version) == result.as_json()["gate"]


def test_bad_data_and_unknown_recipes_register_nothing(settings: Settings, tmp_path: Path) -> None:
    registry = Registry(tracking_uri_of(settings), "housing")
    before = registry.versions()
    with pytest.raises(DataError):
        train(settings, tmp_path / "gone.csv")
    with pytest.raises(ConfigurationError):
        train(settings, models=["magic"])
    assert registry.versions() == before


def test_a_slow_model_is_not_registered(settings: Settings) -> None:
    swap = settings.swap.model_copy(update={"max_us_per_row": 1e-6})
    registry = Registry(tracking_uri_of(settings), "housing")
    before = registry.versions()
    with pytest.raises(ModelRejectedError, match="linear"):
        train(settings.model_copy(update={"swap": swap}), models=["linear"])
    assert registry.versions() == before


def test_a_classification_is_trained_registered_and_loaded(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Obesity, "limits", QualityLimits())
    obesity = settings.for_domain("obesity")
    domain = obesity.load_domain()
    made_up_rows(domain, 140).to_csv(tmp_path / "people.csv", index=False)
    result = train(obesity, tmp_path / "people.csv", ["random-forest", "xgboost"])
    assert result.metric == "log_loss"
    assert set(result.metrics) >= {"cv_log_loss", "cv_log_loss_sd", "us_per_row", "test_accuracy", "test_macro_f1"}
    assert set(result.metrics) >= {"test_log_loss", "test_auc", "test_recall/Normal_Weight"}
    info = Registry(tracking_uri_of(obesity), "obesity").resolve()
    scorer = load_scorer(Path(info.uri), domain)
    people = made_up_rows(domain, 20, seed=9)
    probabilities = scorer.score(RowBuilder(domain).matrix_of_frame(people))
    assert probabilities.shape == (20, 7)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    reference = pd.read_parquet(Path(info.uri) / "reference.parquet")
    assert set(reference["prediction"]) <= set(domain.target.classes)


def test_the_test_rows_of_an_unknown_version_raise_an_error(settings: Settings) -> None:
    with pytest.raises(ModelNotFoundError):
        find_test_rows(settings, "99999")


def test_importing_the_package_imports_no_large_library() -> None:
    script = (
        "import sys, training; assert not {'sklearn', 'pandas', 'mlflow', 'xgboost'} & set(sys.modules);"
        "from training import ingest; assert 'mlflow' not in sys.modules; training.nothing"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "module 'training' has no attribute 'nothing'" in done.stderr


def test_a_permuted_target_never_passes_the_gate(
    small_model: SmallModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASADOR_TRAINING__MODELS", '["linear"]')
    # one class has 94 % of the rows, and so has a model that has learned nothing
    rng = np.random.default_rng(1)
    lines = [f"{a:.3f},{b:.3f},{'rare' if a > 1.55 else 'common'}" for a, b in rng.normal(size=(400, 2))]
    file = tmp_path / "rare.csv"
    file.write_text("\n".join(["a,b,kind", *lines]) + "\n", encoding="utf-8")
    panel = PanelTable("rare", "", "", "kind", "classification", 400, "development", "")
    with workspace() as folder:
        (folder / "homes").mkdir()
        small_model.in_copy(folder / "homes" / "rare")  # a registry of its own would take seconds to create
        outcome = train_permuted(panel, file, folder, lambda _: None)
    assert outcome.is_refused
    assert outcome.reasons
