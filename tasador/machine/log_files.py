"""Log files of processes."""

from __future__ import annotations

from pathlib import Path

_TAIL_BYTES = 4096


def last_line(log: Path) -> str:
    """The last line that is not empty, or a note that there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return "no log was written"
    return next((line.strip() for line in reversed(lines) if line.strip()), "the log is empty")
