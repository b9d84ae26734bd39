"""The process of one contender: started, looked at from outside, stopped by its id."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from schemas.errors import BenchmarkError

STOP_TIMEOUT_S = 20.0


class ContenderProcess:
    """Runs for as long as the `with` block.

    Args:
        title: what it is, for a person.
        command: must end with its parent, see `tasador.machine.supervision`.
        environment: of the process.
        log: takes what it says.
    """

    def __init__(self, title: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._title = title
        self._command = command
        self._environment = environment
        self._log = log

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,  # Ctrl-C is for whoever measures, who stops it
            )
        self._seen = psutil.Process(self._process.pid)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.send_signal(signal.SIGCONT)  # where it was halted
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def look(self) -> tuple[float, int]:
        """CPU seconds used until now, and bytes of memory in use.

        Raises:
            BenchmarkError: it has ended.
        """
        if self._process.poll() is not None:
            raise BenchmarkError(f"{self._title} ended with exit code {self._process.returncode}: {self.last_words()}")
        times = self._seen.cpu_times()
        return times.user + times.system, self._seen.memory_info().rss

    def send(self, signal_number: int) -> None:
        """Send it a signal."""
        self._process.send_signal(signal_number)

    def peak_bytes(self) -> int:
        """The most memory that it has used; what it uses now where the system does not tell."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        except FileNotFoundError:
            return int(self._seen.memory_info().rss)
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))

    def last_words(self) -> str:
        """The last line that it wrote."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it said nothing")
