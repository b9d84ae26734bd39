"""How every benchmark ends: its report is written, and a missed goal is its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import typer

from tasador.cli.terminal import print_note


class GoalReport(Protocol):
    """What a benchmark with goals found."""

    @property
    def is_good(self) -> bool:
        """Whether every goal is reached."""
        ...

    def model_dump_json(self, *, indent: int) -> str:
        """All figures, as JSON."""
        ...


def end_with(report: GoalReport, output: Path) -> None:
    """Write a report to a file.

    Raises:
        typer.Exit: (1) a goal is missed.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(report.model_dump_json(indent=1) + "\n", encoding="utf-8")
    print_note(f"report: {output}")
    if not report.is_good:
        raise typer.Exit(1)
