"""The history of the models as a table."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from schemas.history import Change
from tasador.cli.formatting import format_time, printable

_RESULTS = {
    "model.activated": "activated",
    "model.rejected": "refused",
    "command.rejected": "refused",
    "training.failed": "failed",
    "training.cancelled": "cancelled",
    "command.done": "done",
    "loop.paused": "done",
    "loop.resumed": "done",
    "training.skipped": "skipped",
}


def history_table(changes: Sequence[Change]) -> Table:
    """One row for each change, newest first."""
    table = Table(box=None, pad_edge=False)
    for head in ("TIME", "WHAT", "RESULT"):
        table.add_column(head, no_wrap=True)
    table.add_column("VERSION", justify="right", no_wrap=True)
    for head in ("WHO", "WHY", "COMMAND"):
        table.add_column(head, overflow="fold")
    for change in changes:
        table.add_row(*map(Text, _cells(change)))
    return table


def _cells(change: Change) -> tuple[str, ...]:
    return (
        format_time(change.time),
        _deed(change),
        _RESULTS.get(change.result, change.result),
        _version(change),
        printable(change.actor),
        printable("; ".join(filter(None, (change.reason, change.message))), 300) or "-",
        printable(change.command_id or "-"),
    )


def _deed(change: Change) -> str:
    if change.deed == "champion":
        return "champion set" + (", forced" if change.is_forced else "")
    cause = change.cause if change.cause not in {None, "operator"} else None
    notes = ", ".join(filter(None, (cause, "forced" if change.is_forced else None)))
    return f"{change.deed} ({notes})" if notes else change.deed


def _version(change: Change) -> str:
    if change.before and change.before != change.version:
        return f"{change.before} > {change.version}"
    return change.version or "-"
