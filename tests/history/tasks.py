"""Work for a pool of processes, cheap to start and able to die."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Square:
    """A number to square; the process that does it first dies, if a file for that is named."""

    number: int
    dies_at: Path | None = None


def square(task: Square) -> int:
    """The square of a number."""
    if task.dies_at is not None and not task.dies_at.exists():
        task.dies_at.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task.number**2


def always_die(_: Square) -> int:
    """Kill the process."""
    os.kill(os.getpid(), signal.SIGKILL)
    return 0
