"""Shows how publishing gets on: a bar, what it waits for, and a lost connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from tasador.cli.terminal import print_note, stderr


class MeasuredSource(Protocol):
    """A source of listings or outcomes with a known size."""

    @property
    def total(self) -> int:
        """Size, in the unit of `done`."""

    @property
    def done(self) -> int:
        """How much has been read."""


class PublishProgress:
    """What has been published, and a bar that shows it.

    Args:
        source: what is published.
        high_water: the backlog at which publishing waits.
        reconnect_s: how long a connection may stay lost.
        noun: what is published, in the plural.

    Attributes:
        bar: shows the progress while it is entered.
        count: published entries.
        first_entry: their first entry id.
        last_entry: their last entry id.
    """

    def __init__(self, source: MeasuredSource, high_water: int, reconnect_s: float, noun: str = "listings") -> None:
        self.source = source
        self.noun = noun
        self.count = 0
        self.first_entry = ""
        self.last_entry = ""
        self._high_water = high_water
        self._reconnect_s = reconnect_s
        self._is_lost = False
        counted = TextColumn(f"{{task.fields[count]:,}} {noun}")
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), counted, TimeRemainingColumn())
        self.bar = Progress(*columns, console=stderr)
        self._task = self.bar.add_task("Publishing", total=source.total, count=0)

    def add(self, entry_ids: Sequence[str]) -> None:
        """Count published entries."""
        self.first_entry = self.first_entry or entry_ids[0]
        self.last_entry = entry_ids[-1]
        self.count += len(entry_ids)
        self._is_lost = False
        self.bar.update(self._task, description="Publishing", completed=self.source.done, count=self.count)

    def show_lost(self, error: Exception) -> None:
        """Say once that the connection is lost, until something is published again."""
        if not self._is_lost:
            self._is_lost = True
            reason = str(error).partition("; ")[0]
            print_note(f"{reason}; reconnecting for up to {self._reconnect_s:g} s, then going on where it stopped")

    def show_backlog(self, backlog: int) -> None:
        """Show that publishing waits for the backlog to shrink."""
        reason = f"Waiting, backlog {backlog:,}, high-water mark {self._high_water:,}"
        self.bar.update(self._task, description=reason)

    def show_answers(self, answered: int) -> None:
        """Show how many answers have arrived."""
        self.bar.update(
            self._task, description="Waiting for answers", completed=answered, total=self.count, count=answered
        )
