from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest
from sklearn.linear_model import Ridge

from schemas.settings import Settings, load_settings
from tests.folders import AWKWARD_NAME
from tests.models import table_of
from training.learning.recipes import Recipe
from training.learning.search import SEARCHES_FOLDER, STARTUP_TRIALS, _opened_study, search
from training.learning.spaces import SearchSpace
from training.progress import ProgressStep, discard_progress

if TYPE_CHECKING:
    from optuna import Trial

TABLE = table_of("housing").take(np.arange(0, 506, 4))
TRIALS = STARTUP_TRIALS + 4
START = {"alpha": 1.0}


def _alpha(trial: Trial) -> dict[str, Any]:
    return {"alpha": trial.suggest_float("alpha", 1e-2, 1e6, log=True)}


def recipe(built: list[float] | None = None, breaks_at: int = 0) -> Recipe:
    """Ridge regressions, whose penalties are recorded; building the one numbered `breaks_at` interrupts the search."""
    tried: list[float] = [] if built is None else built

    def build(seed: int, alpha: float = 1.0) -> Ridge:
        tried.append(alpha)
        if len(tried) == breaks_at:
            raise KeyboardInterrupt
        return Ridge(alpha, random_state=seed)

    return Recipe("ridge", build, scaling="standard", regression_space=SearchSpace(_alpha, START))


def settings(home: Path, trials: int = TRIALS) -> Settings:
    loaded = load_settings(home=home)
    training = loaded.training.model_copy(update={"folds": 3})
    search = loaded.search.model_copy(update={"trials": trials})
    return loaded.model_copy(update={"training": training, "search": search})


def test_a_search_with_the_same_seed_gives_the_same_result_within_the_budget(tmp_path: Path) -> None:
    tried: dict[str, list[float]] = {"a": [], "b": [], "other": []}
    (params, record), (again, record_again) = (
        search(recipe(tried[name]), TABLE, settings(tmp_path / name), 60, discard_progress) for name in "ab"
    )
    assert (params, tried["a"]) == (again, tried["b"])
    assert (record.trials, record.best, record.is_cut) == (TRIALS, record_again.best, False)
    other = settings(tmp_path / "other", trials=2)
    other = other.model_copy(update={"training": other.training.model_copy(update={"seed": 7})})
    search(recipe(tried["other"]), TABLE, other, 60, discard_progress)
    assert tried["other"][1] != tried["a"][1]


def test_a_search_is_stored_in_a_home_of_any_name(tmp_path: Path) -> None:
    home = tmp_path / AWKWARD_NAME
    _, record = search(recipe(), TABLE, settings(home, trials=2), 60, discard_progress)
    _, again = search(recipe(), TABLE, settings(home, trials=2), 60, discard_progress)
    assert (record.trials, again.best) == (2, record.best)
    assert [path.name for path in tmp_path.iterdir()] == [AWKWARD_NAME]
    assert len(list((home / SEARCHES_FOLDER).iterdir())) == 1


def test_the_recipes_own_parameters_are_tried_first_and_bad_trials_are_pruned(tmp_path: Path) -> None:
    tried: list[float] = []
    messages: list[str] = []
    _, record = search(recipe(tried), TABLE, settings(tmp_path), 60, messages.append)
    assert tried[0] == START["alpha"]
    assert 0 < record.pruned < record.trials
    steps = [message for message in messages if isinstance(message, ProgressStep)]
    assert [(step.done, step.total) for step in steps] == [(number, TRIALS) for number in range(1, TRIALS + 1)]
    assert steps[0].startswith(f"searching ridge: 1 of {TRIALS}, best ")


def test_an_interrupted_search_continues_with_the_same_trials(tmp_path: Path) -> None:
    whole: list[float] = []
    params, _ = search(recipe(whole), TABLE, settings(tmp_path / "whole"), 60, discard_progress)
    broken: list[float] = []
    with pytest.raises(KeyboardInterrupt):
        search(recipe(broken, breaks_at=8), TABLE, settings(tmp_path / "broken"), 60, discard_progress)
    # a killed process also leaves a trial in the state RUNNING
    with _opened_study(recipe(), TABLE, settings(tmp_path / "broken")) as study:
        study.ask()
    rest: list[float] = []
    continued, record = search(recipe(rest), TABLE, settings(tmp_path / "broken"), 60, discard_progress)
    assert (broken[:7] + rest, continued, record.trials) == (whole, params, TRIALS)
    # a finished search is not repeated, and continues with a larger budget
    assert search(recipe([], breaks_at=1), TABLE, settings(tmp_path / "broken"), 60, discard_progress)[0] == params
    more: list[float] = []
    search(recipe(more), TABLE, settings(tmp_path / "broken", TRIALS + 2), 60, discard_progress)
    assert len(more) == 2


def test_a_stop_at_the_time_limit_is_recorded(tmp_path: Path) -> None:
    params, record = search(recipe(), TABLE, settings(tmp_path), 1e-9, discard_progress)
    assert (params, record.trials, record.is_cut) == (START, 1, True)


def test_other_data_starts_a_new_search(tmp_path: Path) -> None:
    search(recipe(), TABLE, settings(tmp_path, 1), 60, discard_progress)
    tried: list[float] = []
    search(recipe(tried), TABLE.take(np.arange(100)), settings(tmp_path, 1), 60, discard_progress)
    assert tried == [START["alpha"]]


def test_a_search_closes_its_files(tmp_path: Path) -> None:
    search(recipe(), TABLE, settings(tmp_path, 1), 60, discard_progress)
    assert not [file.path for file in psutil.Process().open_files() if file.path.startswith(str(tmp_path))]
