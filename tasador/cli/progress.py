"""Shows the progress of a training on standard error."""

from __future__ import annotations

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tasador.cli.terminal import stderr
from training.progress import ProgressPhase, ProgressStep


class TrainingProgressBar:
    """Prints the messages of a training; on a terminal, what it counts is a bar. Use it in a `with` block.

    Args:
        title: of the bar for the whole training.
        console: to write to.
    """

    def __init__(self, title: str, console: Console = stderr) -> None:
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[more]}"),
            console=console,
            transient=True,
        )
        self._title = title
        self._whole = self._bars.add_task(title, total=None, more="")
        self._tasks: dict[str, TaskID] = {}
        self._tenths: dict[str, int] = {}

    def __call__(self, message: str) -> None:
        """Print a message, name the phase that begins, or update the bar of the step that the message counts."""
        if isinstance(message, ProgressPhase):
            self._bars.update(self._whole, description=f"{self._title}: {message}")
        elif isinstance(message, ProgressStep) and self._console.is_terminal:
            self._update(message)
        elif not isinstance(message, ProgressStep) or self._is_news(message):
            self._console.out(message, highlight=False)

    def _is_news(self, step: ProgressStep) -> bool:
        """Whether a step is worth a line of a log: the first of its name, and each tenth."""
        tenth = 10 * step.done // max(step.total, 1)
        is_news = self._tenths.get(step.name) != tenth
        self._tenths[step.name] = tenth
        return is_news

    def _update(self, step: ProgressStep) -> None:
        if step.name not in self._tasks:
            self._tasks[step.name] = self._bars.add_task(step.name, total=step.total, more="")
        self._bars.update(self._tasks[step.name], completed=step.done, more=step.partition(": ")[2])
        if step.done >= step.total:
            self._bars.remove_task(self._tasks.pop(step.name))

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()
