"""How far a training is, on standard error: its sentences, and a bar for what it counts."""

from __future__ import annotations

from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tasador.cli.terminal import err
from training.progress import Step


class Steps:
    """Is told how far a training is, in a `with` block; bars are drawn on terminals only.

    Args:
        what: goes on, from the beginning to the end.
    """

    def __init__(self, what: str) -> None:
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[more]}"),
            console=err,
            transient=True,
        )
        self._bars.add_task(what, total=None, more="")
        self._counted: dict[str, TaskID] = {}

    def __call__(self, message: str) -> None:
        """Show a sentence, or move the bar of what it counts."""
        if isinstance(message, Step) and err.is_terminal:
            self._move(message)
        else:
            err.print(message, highlight=False, markup=False, soft_wrap=True)

    def _move(self, step: Step) -> None:
        if step.name not in self._counted:
            self._counted[step.name] = self._bars.add_task(step.name, total=step.total, more="")
        self._bars.update(self._counted[step.name], completed=step.done, more=step.partition(": ")[2])
        if step.done >= step.total:
            self._bars.remove_task(self._counted.pop(step.name))

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()
