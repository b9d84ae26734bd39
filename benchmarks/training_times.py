"""The report of how long trainings take and how much memory they need, as JSON and as a section in Markdown."""

from __future__ import annotations

from datetime import datetime

from schemas.frozen_model import FrozenModel
from tasador.bench.machine import Machine
from tasador.bench.markdown import table

GB = 10**9
SECTION = """\
## Time and memory

`make bench-training` makes tables up, drafts their domains with `tasador domain new`, and times `tasador train` from
the command to its end, with reading, checking, report and registry. A training plans its work for two cores as fast as
those of [benchmarks-faster-cores.md](benchmarks-faster-cores.md), and takes longer on slower ones.

{table}

Measured on {date}, on {machine}.
"""


class TimedTraining(FrozenModel):
    """One training, from the command to its end.

    Attributes:
        rows: of the table; so are `columns`, without the target.
        flags: of `tasador train`, beside the domain's name.
        most_s: seconds that it may take on two cores without other work.
        most_bytes: of memory that it may take; None for no limit.
        drafted_s: seconds that `tasador domain new` took before.
        seconds: that it took, and `cpu_s` of processor time.
        memory_bytes: largest resident memory.
        exit_code: of the command: 3 where the gate kept the model out.
    """

    rows: int
    columns: int
    flags: tuple[str, ...]
    most_s: float
    most_bytes: int | None
    drafted_s: float
    seconds: float
    cpu_s: float
    memory_bytes: int
    exit_code: int

    @property
    def is_good(self) -> bool:
        """Whether it succeeded within its limits."""
        is_small = self.most_bytes is None or self.memory_bytes <= self.most_bytes
        return self.exit_code == 0 and self.seconds <= self.most_s and is_small


class TrainingTimes(FrozenModel):
    """All trainings, and when and where they were timed."""

    made_at: datetime
    machine: Machine
    trainings: tuple[TimedTraining, ...]

    @property
    def is_good(self) -> bool:
        """Whether all stay within their limits."""
        return all(training.is_good for training in self.trainings)


def times_section(report: TrainingTimes) -> str:
    """The section, in Markdown."""
    heads = ("table", "command", "domain new", "train", "at most", "CPU", "memory", "at most", "")
    machine = report.machine
    return SECTION.format(
        table=table(heads, (_row(training) for training in report.trainings)),
        date=f"{report.made_at:%Y-%m-%d}",
        machine=f"{machine.processor}, {machine.cores} cores, load average before the start {machine.load:g}",
    )


def _row(training: TimedTraining) -> tuple[str, ...]:
    return (
        f"{training.rows:,} rows, {training.columns} columns",
        f"`{' '.join(('train', *training.flags))}`",
        f"{training.drafted_s:.0f} s",
        f"**{training.seconds:.0f} s**",
        f"{training.most_s:g} s",
        f"{training.cpu_s:.0f} s",
        f"{training.memory_bytes / GB:.1f} GB",
        "-" if training.most_bytes is None else f"{training.most_bytes / GB:g} GB",
        "reached" if training.is_good else "NOT REACHED",
    )
