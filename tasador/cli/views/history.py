"""The history of the models for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from schemas.history import Change
from tasador.cli.formatting import format_time, printable

_HEADS = ("TIME", "WHAT", "RESULT", "VERSION", "WHO")
_INDENT = 4
_RESULTS = {
    "model.activated": "activated",
    "model.rejected": "refused",
    "command.rejected": "refused",
    "training.failed": "failed",
    "training.cancelled": "cancelled",
    "training.skipped": "skipped",
    "command.done": "done",
    "loop.paused": "done",
    "loop.resumed": "done",
    "rollout.started": "started",
    "rollout.adjusted": "done",
    "rollout.stopped": "done",
}


def history_view(changes: Sequence[Change]) -> RenderableType:
    """A line for each change, newest first, and below it why, what came of it, and its command."""
    rows = [_cells(change) for change in changes]
    widths = [max(map(len, column)) for column in zip(_HEADS, *rows, strict=True)]
    shown: list[RenderableType] = [_line(_HEADS, widths)]
    for change, row in zip(changes, rows, strict=True):
        shown.append(_line(row, widths))
        shown += [Padding(Text(text), (0, 0, 0, _INDENT), expand=False) for text in _details(change)]
    return Group(*shown)


def _line(cells: Sequence[str], widths: Sequence[int]) -> Text:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return Text("  ".join(padded).rstrip(), no_wrap=True, overflow="ellipsis")


def _cells(change: Change) -> tuple[str, ...]:
    return (
        format_time(change.time),
        _deed(change),
        _RESULTS.get(change.result, change.result),
        _version(change),
        printable(change.actor),
    )


def _details(change: Change) -> Iterator[str]:
    """Why it was asked for, what came of it, and its command."""
    if change.reason:
        yield printable(change.reason, 300)
    if change.message not in {"", change.reason}:
        yield printable(change.message, 300)
    if change.command_id:
        yield f"command {printable(change.command_id)}"


def _deed(change: Change) -> str:
    what = "champion set" if change.deed == "champion" else change.deed.replace("_", " ")
    cause = change.cause if change.cause not in {None, "operator"} else None
    notes = ", ".join(filter(None, (cause, "forced" if change.is_forced else None)))
    return f"{what} ({notes})" if notes else what


def _version(change: Change) -> str:
    if change.before and change.before != change.version:
        return f"{change.before} > {change.version}"
    return change.version or "-"
