"""Log files of the processes in a home folder: where they are, their last lines, and what is appended to them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

_TAIL_BYTES = 4096
_CHUNK_BYTES = 65_536
_POLL_S = 0.1


def log_folder(home: Path) -> Path:
    """The folder of the processes' logs, which has a folder for each domain."""
    return home / "logs"


def supervisor_log(home: Path) -> Path:
    """The log of `tasador up --detach`."""
    return log_folder(home) / "up.log"


def find_logs(home: Path) -> dict[str, Path]:
    """The logs that exist, by the label of their process (`housing/consumer-1` or `gateway`), `redis` or `up`."""
    logs = {f"{path.parent.name}/{path.stem}": path for path in sorted(log_folder(home).glob("*/*.log"))}
    named = {
        "gateway": log_folder(home) / "gateway.log",
        "console": log_folder(home) / "console.log",
        "redis": home / "redis" / "redis.log",
        "up": supervisor_log(home),
    }
    return logs | {name: path for name, path in named.items() if path.exists()}


def last_line(log: Path) -> str:
    """The last line that is not empty, or a note that there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return "no log was written"
    return next((line.strip() for line in reversed(lines) if line.strip()), "the log is empty")


def tail_position(log: Path, lines: int) -> int:
    """The offset in bytes at which the last `lines` lines begin."""
    with log.open("rb") as file:
        position = file.seek(0, 2)
        # the last line's own end does not begin another one
        wanted = lines + 1
        while position > 0:
            start = max(0, position - _CHUNK_BYTES)
            file.seek(start)
            chunk = file.read(position - start)
            found = chunk.count(b"\n")
            if found >= wanted:
                for _ in range(found - wanted + 1):
                    chunk = chunk[chunk.index(b"\n") + 1 :]
                return position - len(chunk)
            wanted -= found
            position = start
    return 0


def read_from(log: Path, position: int, *, is_ended: bool = False) -> tuple[list[str], int]:
    """The whole lines after an offset, and the offset after them; a file that became shorter is read from its start.

    With `is_ended`, what follows the last line break counts as a line too.
    """
    if log.stat().st_size < position:
        position = 0
    with log.open("rb") as file:
        file.seek(position)
        whole = file.read()
    if not is_ended:
        whole = whole[: whole.rfind(b"\n") + 1]
    return whole.decode(errors="replace").splitlines(), position + len(whole)


def follow(log: Path, position: int) -> Iterator[str]:
    """The lines after an offset, and those that are appended, for ever."""
    while True:
        lines, position = read_from(log, position)
        yield from lines
        time.sleep(_POLL_S)
