"""Command lines of child processes that end when their parent ends, even if it is killed.

``python -m tasador.machine.supervision consumer …`` runs ``tasador consumer …`` and watches standard input, a pipe that
closes when the parent ends. Another program cannot do that; on Linux the kernel sends it SIGTERM when the parent ends.
This file is also run as a script, so it imports nothing of the product at the top.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

STOP_GRACE_S = 20.0
"""How long a process may take to stop after its parent has ended, before it is killed."""

_PR_SET_PDEATHSIG = 1


def tasador_command(*arguments: str) -> list[str]:
    """The command line of a `tasador` command; start it with ``stdin=PIPE`` and leave the pipe open."""
    return [sys.executable, "-m", "tasador.machine.supervision", *arguments]


def program_command(*command: str) -> list[str]:
    """The command line of another program; it keeps the process id.

    Start it from the main thread: the kernel sends the signal when the starting thread ends, not the process.
    """
    return [sys.executable, "-I", __file__, "--exec", *command] if sys.platform == "linux" else list(command)


def _exec_with_death_signal(command: list[str]) -> None:
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent:  # else the parent ended before the signal was set up
        os.execv(command[0], command)  # noqa: S606 - a list of arguments, no shell


def _watch_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Execute another program, or run a `tasador` command that watches its parent."""
    if sys.argv[1:2] == ["--exec"]:
        _exec_with_death_signal(sys.argv[2:])
        return
    from tasador.__main__ import main as run_tasador

    threading.Thread(target=_watch_parent, daemon=True).start()
    run_tasador()


if __name__ == "__main__":
    main()
