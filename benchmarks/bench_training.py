"""`python -m benchmarks.bench_training`: how long `tasador train` takes on large tables, and how much memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import pandas as pd
import typer

from benchmarks.ending import end_with
from benchmarks.training_times import GB, TimedTraining, TrainingTimes, times_section
from schemas.settings import PREFIX
from tasador.bench.machine import describe_machine
from tasador.cli.terminal import print_line, print_note

REPORT = Path("reports/bench-training.json")
NAME = "timed"


@dataclass(frozen=True, slots=True)
class TimedCase:
    """A table's size, the flags of a training, and what it may take: seconds, and bytes of memory."""

    rows: int
    columns: int
    flags: tuple[str, ...]
    most_s: float
    most_bytes: int | None = None


CASES = (
    TimedCase(50_000, 8, ("--quick",), 30),
    TimedCase(50_000, 8, (), 150),
    TimedCase(1_000_000, 20, ("--quick",), 60, 3 * GB),
)


@dataclass(frozen=True, slots=True)
class CommandUsage:
    """What a command took."""

    exit_code: int
    seconds: float
    cpu_s: float
    memory_bytes: int


def bench_training(
    share: Annotated[float, typer.Option(min=0.001, max=1, help="Share of the rows of each table.")] = 1.0,
    output: Annotated[Path, typer.Option(help="Report file.")] = REPORT,
) -> None:
    """Time trainings on made-up tables of 50,000 and a million rows, which takes about five minutes on two cores.

    Exits with 1 if one takes longer or more memory than it may.
    """
    machine = describe_machine()
    trainings = tuple(time_training(case, share) for case in CASES)
    report = TrainingTimes(made_at=datetime.now(UTC), machine=machine, trainings=trainings)
    print_line(times_section(report))
    end_with(report, output)


def time_training(case: TimedCase, share: float) -> TimedTraining:
    """Make the table of a case up, draft its domain and train, in a folder of its own.

    Args:
        case: what to train.
        share: of its rows.
    """
    rows = max(200, round(case.rows * share))
    with TemporaryDirectory(prefix="tasador-training-") as name:
        folder = Path(name)
        print_note(f"making {rows:,} rows of {case.columns} columns up")
        made_up_table(rows, case.columns).to_csv(folder / "table.csv", index=False)
        drafted = run_command(
            folder, "domain", "new", "table.csv", "--target", "price", "--name", NAME, "--write-params"
        )
        print_note(f"training with {' '.join(case.flags) or 'the default budget'}")
        used = run_command(folder, "train", "--domain", NAME, *case.flags)
    return TimedTraining(
        rows=rows,
        columns=case.columns,
        flags=case.flags,
        most_s=case.most_s,
        most_bytes=case.most_bytes,
        drafted_s=drafted.seconds,
        seconds=used.seconds,
        cpu_s=used.cpu_s,
        memory_bytes=used.memory_bytes,
        exit_code=drafted.exit_code or used.exit_code,
    )


def made_up_table(rows: int, columns: int) -> pd.DataFrame:
    """Normal numbers, and a price with a line, a wave, a product, a corner and noise of standard deviation 11."""
    rng = np.random.default_rng(0)
    numbers = rng.standard_normal((rows, columns))
    first, second, third, fourth, fifth = numbers[:, :5].T
    price = 100 + 20 * first + 15 * np.sin(3 * second) + 10 * third * fourth + 8 * np.abs(fifth)
    frame = pd.DataFrame(numbers.round(3), columns=[f"column_{number}" for number in range(columns)])
    return frame.assign(price=(price + rng.normal(0, 11, rows)).round(2))


def run_command(folder: Path, *arguments: str) -> CommandUsage:
    """Run a command of the product in a folder; its output goes to standard error."""
    begin = time.perf_counter()
    own = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tasador", *arguments],
        cwd=folder,
        env=own | {"PYTHONPATH": os.pathsep.join((str(folder), str(Path.cwd())))},
        stdout=sys.stderr,
    )
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    # Linux counts kilobytes
    exit_code = process.returncode = os.waitstatus_to_exitcode(status)
    return CommandUsage(exit_code, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


if __name__ == "__main__":
    typer.run(bench_training)
