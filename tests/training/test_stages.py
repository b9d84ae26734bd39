"""The stages of a training: run in this process, and by DVC in its own repository."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import yaml

from schemas.errors import DataError
from schemas.sections import TrainingSettings
from schemas.settings import Settings, load_settings
from tasador.cli.commands.stage import TrainingStage
from tests.models import table_of
from tests.training.dvc_session import DvcSession, dvc_session
from training import ingest, split, validate
from training.evaluation.evaluating import evaluate
from training.evaluation.storing import load_evaluation
from training.learning.selection import select
from training.learning.storing import load_selection
from training.progress import discard_progress
from training.stages import STAGES, StageContext, run_stage

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
PIPELINE = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
NOT_OF_A_STAGE = {"golden_rows", "reference_rows", "n_jobs"}
"""Settings of files stored with a registered version, and one that does not change any figure."""


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    loaded = load_settings(home=tmp_path_factory.mktemp("home"))
    training = loaded.training.model_copy(
        update={"models": ("linear",), "seconds": 2.0, "folds": 3, "repeats": 1, "report": "figures"}
    )
    swap = loaded.swap.model_copy(update={"max_us_per_row": 1000.0})
    return loaded.model_copy(update={"training": training, "swap": swap})


def test_stages_give_the_same_result_as_one_run(quick: Settings, tmp_path: Path) -> None:
    messages: list[str] = []
    for name in STAGES:
        run_stage(name, StageContext(quick, tmp_path, messages.append))
    table, _ = validate(quick.load_domain(), ingest(quick), quick.training)
    train, test = split(table, quick.training)
    selection = select(train, quick, discard_progress)
    evaluation = evaluate(selection, test)
    stored = json.loads((tmp_path / "evaluation" / "metrics.json").read_text())
    assert stored.keys() == evaluation.metrics.keys()
    assert stored["test_rmse"] == pytest.approx(evaluation.metrics["test_rmse"])
    read = load_evaluation(tmp_path / "evaluation", load_selection(tmp_path / "selection", train), test)
    np.testing.assert_allclose(read.predicted, evaluation.predicted)
    assert read.test_interval == pytest.approx(evaluation.test_interval)
    assert "506 of 506 rows accepted" in messages
    assert (tmp_path / "report" / "report.html").exists()


def test_a_stage_raises_an_error_if_files_of_an_earlier_stage_are_missing(quick: Settings, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"valid.* is missing: run the stages in order"):
        run_stage("train", StageContext(quick, tmp_path, discard_progress))


def test_dvc_yaml_the_command_line_and_the_functions_have_the_same_stages() -> None:
    assert list(PIPELINE) == list(get_args(TrainingStage)) == list(STAGES)
    assert [stage["cmd"] for stage in PIPELINE.values()] == [f"tasador stage {name}" for name in STAGES]


def test_each_setting_of_training_is_a_parameter_of_a_stage() -> None:
    params = {param for stage in PIPELINE.values() for param in stage["params"]}
    assert {f"training.{key}" for key in TrainingSettings.model_fields if key not in NOT_OF_A_STAGE} <= params


@dataclass(frozen=True)
class DvcProject:
    """A git repository with the pipeline and its own table."""

    folder: Path
    session: DvcSession

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout

    def commit(self) -> None:
        self.git("add", ".")
        self.git("commit", "-qm", "test")

    def dvc(self, *arguments: str) -> str:
        return self.session.run(self.folder, *arguments)

    def set(self, section: str, **values: Any) -> None:
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text(encoding="utf-8"))
        params[section].update(values)
        path.write_text(yaml.safe_dump(params, sort_keys=False), encoding="utf-8")

    def repro(self) -> list[str]:
        """Run the pipeline; returns the names of the stages that ran."""
        return [line.split("'")[1] for line in self.dvc("repro").splitlines() if line.startswith("Running stage")]


@pytest.fixture
def session(tmp_path: Path) -> Iterator[DvcSession]:
    pytest.importorskip("dvc", reason="needs DVC: pip install tasador[dvc]")
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(tmp_path / "site"),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "OMP_NUM_THREADS": "1",
    }
    with dvc_session(environment) as running:
        yield running


@pytest.fixture
def project(session: DvcSession, tmp_path: Path) -> DvcProject:
    folder = tmp_path / "project"
    left_out = shutil.ignore_patterns("__pycache__", "tmp", "cache", "*.csv*")
    for name in ("schemas", "tables", "training", "data", ".dvc"):
        shutil.copytree(ROOT / name, folder / name, ignore=left_out)
    for name in ("dvc.yaml", "params.yaml", ".gitignore", ".dvcignore"):
        shutil.copy(ROOT / name, folder / name)
    made = DvcProject(folder, session)
    made.set("training", models=["linear"], seconds=2.0, folds=3, repeats=1, report="figures")
    made.set("swap", max_us_per_row=1000.0)
    made.set("domains", housing={"path": None, "data": "data/homes.csv", "may_miss": None})
    table_of("housing").with_target().to_csv(folder / "data" / "homes.csv", index=False)
    made.git("init", "-q")
    made.dvc("add", "data/homes.csv")
    made.commit()
    return made


@pytest.mark.rounds
def test_dvc_runs_only_changed_stages_and_none_in_a_fresh_clone(project: DvcProject, tmp_path: Path) -> None:
    assert project.repro() == list(STAGES)
    assert project.git("status", "--porcelain").split() == ["??", "dvc.lock"]
    project.commit()
    assert project.repro() == []
    (figures,) = json.loads(project.dvc("metrics", "show", "--json"))[""]["data"].values()
    assert 4 < figures["data"]["test_rmse"] < 6
    page = Path(project.dvc("plots", "show").strip().removeprefix("file://"))
    assert "Score of each candidate" in page.read_text(encoding="utf-8")
    assert "evaluate" in project.dvc("dag")

    project.set("training", max_bad_share=0.06)
    assert project.repro() == ["validate"]
    assert json.loads(project.dvc("metrics", "diff", "--json")) == {}
    project.dvc("remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
    project.dvc("push", "-q")
    project.commit()
    project.git("clone", "-q", str(project.folder), str(tmp_path / "clone"))
    clone = DvcProject(tmp_path / "clone", project.session)
    clone.dvc("pull", "-q")
    assert (clone.folder / "data" / "homes.csv").exists()
    assert clone.repro() == []
    clone.set("training", models=["xgboost-reference"])
    assert list(json.loads(clone.dvc("status", "--json"))) == ["train"]
