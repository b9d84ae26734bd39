"""The processes of a system: found by name or domain, and stopped in order."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from schemas.errors import SupervisorError
from tasador.machine.processes import STOP_TIMEOUT_S, ManagedProcess

_STOP_ORDER = ("console", "gateway", "monitor", "consumer", "explainer", "trainer")


class ProcessGroup:
    """Managed processes in the order of their start.

    Args:
        notify: called with each message for the operator.
    """

    def __init__(self, notify: Callable[[str], None]) -> None:
        self._processes: list[ManagedProcess] = []
        self._notify = notify

    def __iter__(self) -> Iterator[ManagedProcess]:
        return iter(tuple(self._processes))

    def start(self, process: ManagedProcess) -> None:
        """Start a process, and add it."""
        process.start()
        self._processes.append(process)

    def find(self, label: str) -> ManagedProcess:
        """The process with a label.

        Raises:
            SupervisorError: there is none.
        """
        for process in self._processes:
            if process.label == label:
                return process
        known = ", ".join(process.label for process in self._processes)
        raise SupervisorError(f"no process {label!r} is running; there are {known}")

    def stop(self, domain: str | None = None) -> None:
        """Stop the processes of one domain, or all, in the order of `_STOP_ORDER`; and remove them."""
        ending = [process for process in self._processes if domain in {None, process.domain}]
        for command in _STOP_ORDER:
            self._stop_together([process for process in ending if process.command == command])
        self._processes = [process for process in self._processes if process not in ending]

    def stop_command(self, command: str) -> None:
        """Stop the processes that run a command, and remove them."""
        ending = [process for process in self._processes if process.command == command]
        self._stop_together(ending)
        self._processes = [process for process in self._processes if process not in ending]

    def kill(self) -> None:
        """Kill all processes at once."""
        for process in self._processes:
            process.kill()

    def _stop_together(self, processes: Sequence[ManagedProcess]) -> None:
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        for process in processes:
            if not process.wait(deadline):
                self._notify(f"{process.label} did not stop within {STOP_TIMEOUT_S:g} s: killed (see {process.log})")
                process.kill()
