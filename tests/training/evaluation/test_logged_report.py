"""The report that MLflow keeps with a run: real trainings, promoted, refused and forced."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from registry.location import tracking_uri_of
from registry.runs import download_folder
from registry.store import Registry
from schemas.domains.obesity import Obesity
from schemas.quality_limits import QualityLimits
from schemas.sections import GateSettings
from schemas.settings import Settings
from tests.models import OPEN_GATE, OPEN_INTERVAL, SmallModel, made_up_rows, small_model
from training.evaluation.logged_report import complete_report
from training.gate.judging import Gate
from training.gate.report import Override
from training.run import train
from training.trigger import Trigger

pytestmark = pytest.mark.long

__all__ = ["small_model"]

CLOSED_GATE = GateSettings(min_gain=0.99)
EVE = Override(actor="eve", reason="the champion is <b>broken</b>")
Report = tuple[dict[str, Any], str]


@pytest.fixture
def settings(small_model: SmallModel, tmp_path: Path) -> Settings:
    """Settings with a copy of a registry that has a champion."""
    loaded = small_model.in_copy(tmp_path / "home").settings
    swap = loaded.swap.model_copy(update={"max_us_per_row": 1000.0})
    training = loaded.training.model_copy(update={"folds": 3, "repeats": 1, "report": "figures"})
    return loaded.model_copy(update={"swap": swap, "training": training, "gate": OPEN_GATE, "interval": OPEN_INTERVAL})


def closed(settings: Settings) -> Settings:
    return settings.model_copy(update={"gate": CLOSED_GATE})


def logged(settings: Settings, run_id: str, tmp_path: Path) -> Report:
    """The document and the page, in one line, that MLflow has now."""
    registry = Registry(tracking_uri_of(settings), settings.domain)
    target = tmp_path / "logged"
    target.mkdir(exist_ok=True)
    return read(download_folder(registry.client, registry.tracking_uri, run_id, "report", target))


def read(folder: Path) -> Report:
    return json.loads((folder / "report.json").read_text()), " ".join((folder / "report.html").read_text().split())


def test_the_report_of_a_promoted_blend(settings: Settings, tmp_path: Path) -> None:
    result = train(settings, models=["kriging", "extra-trees", "blend"], reports=tmp_path / "reports")
    assert result.algorithm == "blend"
    document, page = logged(settings, result.run_id, tmp_path)
    assert (document["version"], document["run_id"]) == (result.version, result.run_id)
    assert (document["gate"]["status"], document["gate"]["champion"]) == ("passed", "1")
    assert f"housing: blend, version {result.version}" in page
    assert f"Version {result.version} passed the gate</b> on 20" in page
    kriging, trees = document["composition"]
    assert (trees["name"], trees["estimator"], kriging["estimator"]) == (
        "extra-trees",
        "ExtraTreesRegressor",
        "Kriging",
    )
    assert (trees["weight"], kriging["weight"]) == (0.5, 0.5)
    assert "Kriging, on arcsinh of the target" in page
    footing = document["gate"]["footing"]
    (blend,) = [each for each in document["candidates"] if each["name"] == "blend"]
    assert footing["figures"]["cv_rmse"] == pytest.approx(blend["mean"])
    assert footing["figures"]["rmse"] == pytest.approx(document["out_of_fold"]["rmse"])
    assert footing["champion_figures"].keys() == footing["figures"].keys()
    assert "Beside champion 1" in page
    assert f"<td>{footing['figures']['mae']:.4g}</td><td>{footing['champion_figures']['mae']:.4g}</td>" in page
    assert read(tmp_path / "reports" / "housing") == (document, page), "the copy is the logged report"


def test_the_report_of_a_refused_version_gives_the_reasons(settings: Settings, tmp_path: Path) -> None:
    result = train(closed(settings), models=["linear"])
    document, page = logged(settings, result.run_id, tmp_path)
    assert document["gate"]["status"] == "failed"
    assert f"Version {result.version} was refused by the gate</b>" in page
    gain = next(check for check in document["gate"]["checks"] if check["name"] == "gain")
    assert gain["outcome"] == "failed"
    assert f'<td class="text failed">failed</td> <td class="wide">{gain["reason"]}</td>' in page


def test_the_report_of_a_forced_version_names_who_forced_it_and_why(settings: Settings, tmp_path: Path) -> None:
    result = train(closed(settings), models=["linear"], trigger=Trigger(override=EVE))
    assert result.is_champion
    document, page = logged(settings, result.run_id, tmp_path)
    assert (document["gate"]["status"], document["gate"]["override"]["actor"]) == ("forced", "eve")
    assert "failed the gate and was promoted by force</b>" in page
    assert "Forced by eve: the champion is &lt;b&gt;broken&lt;/b&gt;." in page


def test_a_later_verdict_replaces_an_earlier_one_on_the_page(settings: Settings, tmp_path: Path) -> None:
    result = train(settings, models=["linear"], promote=False)
    _, page = logged(settings, result.run_id, tmp_path)
    assert f"Version {result.version} has not been judged by the gate." in page
    registry = Registry(tracking_uri_of(settings), "housing")
    gate = Gate(registry, settings.load_domain(), closed(settings))
    assert not gate.judge(result.version).is_open
    _, page = logged(settings, result.run_id, tmp_path)
    assert "was refused by the gate" in page
    gate.admit(result.version, EVE)
    document, page = logged(settings, result.run_id, tmp_path)
    assert "was promoted by force" in page
    assert "refused" not in page
    assert document["version"] == result.version


def test_reports_of_classes_promoted_refused_and_forced(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Obesity, "limits", QualityLimits())
    obesity = settings.for_domain("obesity")
    domain = obesity.load_domain()
    made_up_rows(domain, 140).to_csv(tmp_path / "people.csv", index=False)
    first = train(obesity, tmp_path / "people.csv", ["extra-trees"])
    _, page = logged(obesity, first.run_id, tmp_path)
    assert "Version 1 passed the gate</b>" in page
    assert "without a champion to compare with" in page
    assert "Beside champion" not in page
    second = train(closed(obesity), tmp_path / "people.csv", ["random-forest"])
    document, page = logged(obesity, second.run_id, tmp_path)
    assert "Version 2 was refused by the gate</b>" in page
    (forest,) = document["composition"]
    assert (forest["estimator"], forest["weight"]) == ("RandomForestClassifier", 1.0)
    assert "sharpen" in forest["steps"]
    assert {"cv_log_loss", "macro_f1", "recall/Normal_Weight"} <= document["gate"]["footing"]["champion_figures"].keys()
    assert "log_loss, mean of the folds" in page
    Gate(Registry(tracking_uri_of(obesity), "obesity"), domain, closed(obesity)).admit("2", EVE)
    _, page = logged(obesity, second.run_id, tmp_path)
    assert "Version 2 failed the gate and was promoted by force</b>" in page


def test_a_run_without_a_report_and_a_damaged_report_do_not_stop_the_gate(
    small_model: SmallModel, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registry = Registry(tracking_uri_of(settings), "housing")
    complete_report(registry, small_model.info.run_id, {"version": "1"})
    assert not registry.client.list_artifacts(small_model.info.run_id, "report")
    result = train(settings, models=["linear"], promote=False)
    registry.client.log_text(result.run_id, "{", "report/report.json")
    with caplog.at_level(logging.ERROR):
        assert Gate(registry, small_model.domain, settings).admit(result.version).is_open
    assert "cannot be completed" in caplog.text
