"""MAPIE's split conformal prediction on the same predictions, run in an environment of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.intervals.ways import COVERAGE, FoldPredictions, reach_of_intervals, reach_of_sets
from schemas.errors import ConfigurationError
from training.learning.conformal import Reach

PYTHON = Path(".venv-mapie/bin/python")
PROGRAM = Path(__file__).with_name("mapie_program.py")
SCORES = {"regression": ("absolute", "gamma"), "classification": ("lac", "raps")}
"""MAPIE's names of conformity scores, by task."""


def _scores(fold: FoldPredictions) -> tuple[str, ...]:
    """The scores that MAPIE computes: gamma takes positive numbers only, and raps more than two classes."""
    if len(fold.domain.target.classes) == 2:  # noqa: PLR2004 - a binary target
        return tuple(score for score in SCORES["classification"] if score != "raps")
    if not fold.domain.target.classes and min(map(np.min, (fold.out_of_fold, fold.truth, fold.predicted))) <= 0:
        return tuple(score for score in SCORES["regression"] if score != "gamma")
    return SCORES[fold.domain.task]


def reaches_of_mapie(fold: FoldPredictions, python: Path = PYTHON) -> dict[str, Reach]:
    """What MAPIE reaches on the test rows, by its name with the conformity score.

    Raises:
        ConfigurationError: its environment does not exist, or MAPIE fails; with the last line of its output.
    """
    if not python.exists():
        raise ConfigurationError(f"{python}: does not exist; `make bench-intervals` creates MAPIE's environment")
    classes, found = fold.domain.target.classes, {}
    with TemporaryDirectory() as folder:
        for score in _scores(fold):
            request, answer = Path(folder) / "request.npz", Path(folder) / "answer.npz"
            np.savez(
                request,
                out_of_fold=fold.out_of_fold,
                truth=[classes.index(name) for name in fold.truth] if classes else fold.truth,
                predicted=fold.predicted,
                classes=len(classes),
                score=score,
                coverage=COVERAGE,
            )
            command = [str(each) for each in (python.absolute(), "-I", PROGRAM, request, answer)]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            if done.returncode:
                *_, last = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
                raise ConfigurationError(f"MAPIE failed on {fold.domain.name}: {last}")
            with np.load(answer) as result:
                ranges = result["ranges"]
            reach = reach_of_sets(fold, ranges) if classes else reach_of_intervals(fold, *ranges.T)
            found[f"MAPIE, {score}"] = reach
    return found
