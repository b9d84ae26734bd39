"""Which process a process id stands for, since the system gives the id of an ended process to another one."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

from schemas.errors import SupervisorError
from schemas.frozen_model import FrozenModel

_STATE, _START = 0, 19
"""Places in /proc/PID/stat, counted from the field after the name."""


class ProcessIdentity(FrozenModel):
    """A process, recognised by its id and its start.

    Attributes:
        pid: its id.
        started: on Linux in clock ticks since the machine started, which do not change when the clock is set; elsewhere
            in seconds since 1970.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Self:
        """The process that has this id now; one that has ended is never running."""
        return cls(pid=pid, started=_start_of(pid) or 0)

    @property
    def is_running(self) -> bool:
        """Whether it is this process that runs under the id."""
        return self.started > 0 and _start_of(self.pid) == self.started

    def send(self, signal_number: signal.Signals) -> None:
        """Send a signal; does nothing if the process has ended.

        Raises:
            SupervisorError: it belongs to another user.
        """
        if not self.is_running:
            return
        try:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal_number)
        except PermissionError as error:
            raise SupervisorError(f"process {self.pid} belongs to another user") from error


def _start_of(pid: int) -> float | None:
    """When a process started; None if it has ended, even if its parent has not noticed yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return _start_without_proc(pid)
    fields = stat.rpartition(")")[2].split()
    return None if fields[_STATE] == "Z" else float(fields[_START])


def _start_without_proc(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return None
