"""FLAML as a contender: a process in an environment of its own, on one thread, with a budget of processor time."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np

from benchmarks.tables.contenders import Attempt
from benchmarks.tables.folds import SEED, OuterFold
from benchmarks.tables.scores import class_codes
from schemas.errors import ConfigurationError
from schemas.rows import RowBuilder

PYTHON = Path(".venv-flaml/bin/python")
PROGRAM = Path(__file__).with_name("flaml_program.py")


def try_flaml(fold: OuterFold, core_seconds: float, python: Path = PYTHON) -> Attempt:
    """Let FLAML search on the training rows for so much processor time, on one thread, and predict the test rows.

    Raises:
        ConfigurationError: its environment does not exist, or FLAML fails; with the last line of its output.
    """
    if not python.exists():
        raise ConfigurationError(f"{python}: does not exist; `make bench-tables` creates FLAML's environment")
    domain, start = fold.train.domain, perf_counter()
    classes = domain.target.classes
    builder = RowBuilder(domain)
    with TemporaryDirectory() as folder:
        request, answer = Path(folder) / "request.npz", Path(folder) / "answer.npz"
        np.savez(
            request,
            train=builder.matrix_of_frame(fold.train.frame),
            test=builder.matrix_of_frame(fold.test.frame),
            target=class_codes(fold.train) if classes else fold.train.target,
            categories=[len(feature.categories) for feature in domain.features],
            classes=len(classes),
            seconds=core_seconds,
            seed=SEED,
        )
        done = subprocess.run(
            [python.absolute(), "-I", PROGRAM, request, answer], cwd=folder, capture_output=True, text=True, check=False
        )
        if done.returncode:
            *_, last = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
            raise ConfigurationError(f"FLAML failed on {domain.name}: {last}")
        with np.load(answer) as result:
            predicted = np.asarray(result["predicted"], dtype=np.float64)
            known, core_s, model = result["classes"].astype(int), float(result["core_s"]), str(result["model"])
    if classes:
        shares = np.zeros((len(fold.test), len(classes)))
        shares[:, known] = predicted
        predicted = shares
    return Attempt(predicted, core_s, perf_counter() - start, model)
