"""Stops the running system from another process, and what a killed one may have left behind."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from pathlib import Path

from schemas.errors import SupervisorError
from tasador.machine.identity import ProcessIdentity
from tasador.machine.running_system import RunningSystem, read_run_file, remove_running_system

_GRACEFUL_S = 100.0
"""Each kind of process has 20 s, and so has Redis."""
_KILL_S = 20.0
_POLL_S = 0.05


def stop_running_system(home: Path) -> RunningSystem | None:
    """Stop the system of a home folder in order; returns what ran, or None if nothing did.

    Processes that a killed `tasador up` left running are stopped too, and its `run.json` is removed.

    Raises:
        SupervisorError: a process does not end.
    """
    system = read_run_file(home)
    if system is None:
        return None
    running = {name: process for name, process in system.processes.items() if process.is_running}
    if not running and not system.supervisor.is_running:
        remove_running_system(home)
        return None
    # the second signal makes it kill its processes
    _end([system.supervisor], ((signal.SIGTERM, _GRACEFUL_S), (signal.SIGTERM, _KILL_S), (signal.SIGKILL, _KILL_S)))
    _end(running.values(), ((signal.SIGTERM, _KILL_S), (signal.SIGKILL, _KILL_S)))
    remove_running_system(home)
    return system.model_copy(update={"processes": running})


def _end(processes: Iterable[ProcessIdentity], attempts: tuple[tuple[signal.Signals, float], ...]) -> None:
    remaining = list(processes)
    for signal_number, wait_s in attempts:
        for process in remaining:
            process.send(signal_number)
        deadline = time.monotonic() + wait_s
        while (remaining := [process for process in remaining if process.is_running]) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        if not remaining:
            return
    raise SupervisorError(f"process {remaining[0].pid} does not end")
