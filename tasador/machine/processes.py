"""One part of the system as a process: its command, its log, its port, and when it may start again."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tasador.machine.log_files import last_line
from tasador.machine.supervision import part_command

BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""How long a part that died waits before it starts again: longer each time, until it has lived for `STEADY_S`."""
STEADY_S = 60.0
_ASK_TIMEOUT_S = 2.0


class ManagedProcess:
    """A consumer, a trainer or a monitor of one domain, run as a process of its own that cannot outlive this one.

    Args:
        domain: whose listings or models it works on.
        command: `consumer`, `trainer` or `monitor`.
        name: its name in the domain.
        logs: folder of its log.
        host: where it answers HTTP.
        environment: of the process.
    """

    def __init__(
        self, domain: str, command: str, name: str, *, logs: Path, host: str, environment: Mapping[str, str]
    ) -> None:
        self.command = command
        self.label = f"{domain}/{name}"
        self.log = logs / domain / f"{name}.log"
        self.restarts = 0
        self._arguments = (command, "--domain", domain, "--name", name)
        self._host = host
        self._environment = environment
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._retry_s: float | None = None

    @property
    def url(self) -> str:
        """Where it answers HTTP."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._host, self._host)  # noqa: S104 - as people write it
        return f"http://{host}:{self._port}"

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_ready(self) -> bool:
        """Whether it says that it is."""
        if not self.is_running:
            return False
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=_ASK_TIMEOUT_S) as answer:  # noqa: S310 - http
                return bool(answer.status == 200)  # noqa: PLR2004
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def start(self) -> None:
        """Start its process."""
        self._forget()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._port = _free_port(self._host, self._port)
        self._started_s = time.monotonic()
        self._retry_s = None
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                part_command(*self._arguments, "--port", str(self._port)),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=dict(self._environment),
                start_new_session=True,  # Ctrl-C is for whoever started it, who stops the parts in order
            )

    def revive(self) -> str | None:
        """Start it again if it died and has waited long enough; returns what is to be told, if anything is."""
        if self._process is None or self.is_running:
            return None
        now = time.monotonic()
        if self._retry_s is None:
            if now - self._started_s > STEADY_S:
                self.restarts = 0
            wait_s = BACKOFF_S[min(self.restarts, len(BACKOFF_S) - 1)]
            self.restarts += 1
            self._retry_s = now + wait_s
            return f"{self.label} {self._how_it_ended()}; starts again in {wait_s:g} s"
        if now >= self._retry_s:
            self.start()
            return f"{self.label} starts again"
        return None

    def ask_to_stop(self) -> None:
        """Ask its process to leave in good order."""
        if self._process is not None and self.is_running:
            self._process.terminate()

    def wait(self, deadline: float) -> bool:
        """Wait for its end until `deadline` by `time.monotonic`; whether it has ended."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        self._forget()
        return True

    def kill(self) -> None:
        """End its process at once; what it had in hand is recovered at the next start."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._forget()

    def _forget(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def _how_it_ended(self) -> str:
        status = self._process.returncode if self._process is not None else 0
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"
        return f"{how}: {last_line(self.log)} (see {self.log})"


def _free_port(host: str, preferred: int) -> int:
    """The preferred port if it is free, else another; whoever asks first keeps it across restarts."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, preferred))
        except OSError:
            probe.bind((host, 0))
        return int(probe.getsockname()[1])
