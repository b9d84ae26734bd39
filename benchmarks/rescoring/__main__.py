"""`python -m benchmarks.rescoring`: rows scored again a second, by one and by two workers, and a worker's memory."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from benchmarks.ending import end_with
from benchmarks.rescoring.made_up_log import write_log
from benchmarks.rescoring.runs import RescoreRun, measure
from history.rescoring import FROM_ROWS
from schemas.frozen_model import FrozenModel
from schemas.settings import load_settings
from tasador.bench.machine import Machine, describe_machine
from tasador.bench.model import train_reference
from tasador.cli.terminal import print_line, print_note

REPORT = Path("reports/bench-rescore.json")
LEAST_RATIO = 1.6
"""How much faster two workers must be than one, from `FROM_ROWS` rows on."""
MOST_BYTES = 2_000_000_000
"""Of a worker."""


class RescoreBench(FrozenModel):
    """All figures.

    Attributes:
        rows: of the log.
        files: of the log.
        runs: in the order in which they were made.
    """

    made_at: datetime
    machine: Machine
    rows: int
    files: int
    runs: tuple[RescoreRun, ...]

    def ratio(self, how: str) -> float:
        """How much faster the most workers are than one."""
        runs = sorted((run for run in self.runs if run.how == how), key=lambda run: run.workers)
        return runs[0].seconds / runs[-1].seconds

    @property
    def is_good(self) -> bool:
        """Whether every goal is reached."""
        is_fast = self.rows < FROM_ROWS or all(self.ratio(run.how) >= LEAST_RATIO for run in self.runs)
        return is_fast and all(run.peak_bytes <= MOST_BYTES for run in self.runs)


def rescoring(
    rows: Annotated[int, typer.Option(help="Predictions of the made-up audit log.")] = 10_000_000,
    per_file: Annotated[int, typer.Option(help="Of which a file has so many.")] = 10_000,
    most: Annotated[int, typer.Option(help="Workers beside which one is measured.")] = 2,
    ways: Annotated[str, typer.Option("--ways", help="Who scores: processes, dask, or both.")] = "processes,dask",
    output: Annotated[Path, typer.Option(help="Report file.")] = REPORT,
) -> None:
    """Measure how fast a log is scored again; exits with 1 if a goal is missed."""
    with TemporaryDirectory(prefix="tasador-rescore-") as name:
        home = Path(name)
        settings = load_settings(home=home, domain="housing")
        train_reference(settings, print_note)
        files = write_log(settings, rows, per_file)
        print_note(f"{rows:,} predictions in {files:,} files")
        runs = []
        for how in ways.split(","):
            for workers in (1, most):
                run = measure(settings, how, workers, home / "out")
                print_line(
                    f"{how}, {workers}: {run.seconds:.1f} s, {rows / run.seconds:,.0f} rows/s, "
                    f"{run.cpu_s:.1f} s of processor time, {run.peak_bytes / 1e6:,.0f} MB a worker at most"
                )
                runs.append(run)
    report = RescoreBench(
        made_at=datetime.now(UTC), machine=describe_machine(), rows=rows, files=files, runs=tuple(runs)
    )
    for how in dict.fromkeys(run.how for run in runs):
        print_line(f"{how}: {most} workers are {report.ratio(how):.2f} x as fast as one")
    end_with(report, output)


if __name__ == "__main__":
    typer.run(rescoring)
