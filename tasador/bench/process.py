"""The process of one contender: started, measured from outside, and stopped by its process id."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

import psutil

from schemas.errors import BenchmarkError
from tasador.machine.log_files import last_line

STOP_TIMEOUT_S = 20.0


class ContenderProcess:
    """Runs for the duration of the `with` block.

    Args:
        title: for people.
        command: of a process that ends with its parent, see `tasador.machine.supervision`.
        environment: of the process.
        log: the file for its output.
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
                start_new_session=True,  # Ctrl-C reaches only the benchmark, which then stops this process
            )
        self._observed = psutil.Process(self._process.pid)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.send_signal(signal.SIGCONT)  # a halted process handles SIGTERM only after it
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def usage(self) -> tuple[float, int]:
        """CPU seconds used since the start, and bytes of resident memory.

        Raises:
            BenchmarkError: the process has ended.
        """
        if self._process.poll() is not None:
            raise BenchmarkError(f"{self._title} ended with exit code {self._process.returncode}: {self.last_line()}")
        times = self._observed.cpu_times()
        return times.user + times.system, self._observed.memory_info().rss

    def send(self, signal_number: int) -> None:
        """Send a signal to the process."""
        self._process.send_signal(signal_number)

    def peak_bytes(self) -> int:
        """Its peak memory; its current memory on systems that do not report the peak."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        except FileNotFoundError:
            return int(self._observed.memory_info().rss)
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:"))

    def last_line(self) -> str:
        """The last line of its output."""
        return last_line(self._log)
