from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.bench_training import made_up_table, run_command
from benchmarks.training_times import GB, TimedTraining, TrainingTimes, times_section
from tasador.bench.machine import describe_machine


def timed(seconds: float = 40, memory_bytes: int = 2 * GB, exit_code: int = 0) -> TimedTraining:
    return TimedTraining(
        rows=1_000_000,
        columns=20,
        flags=("--quick",),
        most_s=60,
        most_bytes=3 * GB,
        drafted_s=9,
        seconds=seconds,
        cpu_s=80,
        memory_bytes=memory_bytes,
        exit_code=exit_code,
    )


def test_a_command_is_timed_with_its_processor_time_and_memory(tmp_path: Path) -> None:
    made_up_table(300, 6).to_csv(tmp_path / "table.csv", index=False)
    used = run_command(tmp_path, "domain", "new", "table.csv", "--target", "price", "--name", "timed", "--write-params")
    assert used.exit_code == 0
    assert (tmp_path / "params.yaml").exists()
    assert used.cpu_s > 0
    assert used.seconds > 0
    assert used.memory_bytes > 20_000_000, "more than a bare interpreter"
    assert run_command(tmp_path, "train", "--domain", "nobody").exit_code == 78


@pytest.mark.parametrize(
    "missed", [timed(seconds=61), timed(memory_bytes=3 * GB + 1), timed(exit_code=3)], ids=["s", "memory", "gate"]
)
def test_the_report_names_what_misses_its_limits(missed: TimedTraining) -> None:
    report = TrainingTimes(made_at=datetime.now(UTC), machine=describe_machine(), trainings=(timed(), missed))
    assert not report.is_good
    rows = [line for line in times_section(report).splitlines() if line.startswith("| 1,000,000")]
    assert [row.endswith("| reached |") for row in rows] == [True, False]
    assert report.model_copy(update={"trainings": (timed(),)}).is_good
