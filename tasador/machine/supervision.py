"""Supervision of child processes: however the parent dies, the child does not outlive it.

A process of the product watches its standard input, a pipe that closes with the parent; it is started by
``python -m tasador.machine.supervision consumer …``, which is ``python -m tasador consumer …`` under supervision. A
foreign program cannot watch a pipe: on Linux the kernel is asked to end it. This file is also run as a script and
imports nothing else of ours at the top.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

LONGEST_STOP_S = 20.0
"""How long a part may take to stop once its parent is gone."""

_PR_SET_PDEATHSIG = 1


def part_command(*arguments: str) -> list[str]:
    """The command line of a part; start it with ``stdin=PIPE`` and leave the pipe open."""
    return [sys.executable, "-m", "tasador.machine.supervision", *arguments]


def foreign_command(*command: str) -> list[str]:
    """The command line of another program; the process becomes that program, with the same process id.

    Start it from the thread that lives as long as the process: the kernel watches the thread.
    """
    return [sys.executable, "-I", __file__, "--exec", *command] if sys.platform == "linux" else list(command)


def _become(command: list[str]) -> None:
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == parent:  # else it died before the kernel watched
        os.execv(command[0], command)  # noqa: S606 - a list of arguments, no shell


def _watch_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LONGEST_STOP_S)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Become another program, or run a part that watches its parent."""
    if sys.argv[1:2] == ["--exec"]:
        _become(sys.argv[2:])
        return
    from tasador.__main__ import main as enter

    threading.Thread(target=_watch_parent, daemon=True).start()
    enter()


if __name__ == "__main__":
    main()
