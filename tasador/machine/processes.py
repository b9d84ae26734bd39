"""One process of the system: its command, its log, its port, and when it is restarted."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from schemas.errors import ConfigurationError
from tasador.machine.identity import ProcessIdentity
from tasador.machine.log_files import last_line
from tasador.machine.ports import find_free_port
from tasador.machine.readiness import is_ready
from tasador.machine.supervision import tasador_command
from transport.backoff import Backoff

FIRST_RESTART_S = 0.5
LONGEST_RESTART_S = 30.0
STOP_TIMEOUT_S = 20.0
"""How long a process may take to stop before it is killed."""
STEADY_S = 60.0
"""After this time a process counts as steady, and the pause before its next restart is the first one again."""


class ManagedProcess:
    """A process of one domain, or one for all, run as a child process that ends when this process ends.

    Args:
        domain: to work on; empty of gateway and console.
        command: `consumer`, `trainer`, `monitor`, `explainer`, `gateway` or `console`.
        name: its name in the domain.
        logs: folder of its log.
        host: where it serves HTTP.
        environment: of the process.
        words: arguments of the command instead of its domain.
        port: taken if it is free.

    Attributes:
        domain: as given.
        command: as given.
        label: `domain/name`, or the command of gateway and console, for messages.
        log: path of its log.
    """

    def __init__(
        self,
        domain: str,
        command: str,
        name: str,
        *,
        logs: Path,
        host: str,
        environment: Mapping[str, str],
        words: Sequence[str] = (),
        port: int = 0,
    ) -> None:
        self.domain = domain
        self.command = command
        self.label = f"{domain}/{name}" if domain else command
        self.log = logs / f"{self.label}.log"
        self._backoff = Backoff(FIRST_RESTART_S, LONGEST_RESTART_S)
        self._arguments = (command, *(words or ("--domain", domain)), "--name", name)
        self._host = host
        self._environment = environment
        self._port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._identity: ProcessIdentity | None = None
        self._started_s = 0.0
        self._restart_due_s: float | None = None
        self._kill_due_s: float | None = None

    @property
    def url(self) -> str:
        """Where it serves HTTP."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self._host, self._host)  # noqa: S104 - compared only
        return f"http://{host}:{self._port}"

    @property
    def identity(self) -> ProcessIdentity | None:
        """Which process it is; None before `start`."""
        return self._identity

    @property
    def is_running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_ready(self) -> bool:
        """Whether `/readyz` answers 200."""
        return self.is_running and is_ready(self.url)

    def start(self) -> None:
        """Start the process, on the same port as before if it is free."""
        self._close()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._port = find_free_port(self._host, self._port)
        self._started_s = time.monotonic()
        self._restart_due_s = self._kill_due_s = None
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                tasador_command(*self._arguments, "--port", str(self._port)),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=dict(self._environment),
                start_new_session=True,  # Ctrl-C reaches the parent only, which stops its processes in order
            )
        self._identity = ProcessIdentity.of(self._process.pid)

    def request_restart(self) -> None:
        """Let the process stop gracefully; `restart_if_due` starts it again as soon as it has ended."""
        self._kill_due_s = time.monotonic() + STOP_TIMEOUT_S
        self.terminate()

    def restart_if_due(self) -> str | None:
        """Restart the process if it ended and its backoff is over; returns a message for the operator, if any.

        Raises:
            ConfigurationError: it ended over a mistake in the configuration, so starting it again would not help.
        """
        if self._process is None:
            return None
        now = time.monotonic()
        if self.is_running:
            if self._kill_due_s is not None and now > self._kill_due_s:
                self._process.kill()
            return None
        if self._kill_due_s is not None:
            self.start()
            return f"{self.label} restarted on request"
        if self._process.returncode == os.EX_CONFIG:
            line = last_line(self.log).removeprefix("tasador: ")
            raise ConfigurationError(f"{self.label} cannot start: {line} (see {self.log})")
        if self._restart_due_s is None:
            if now - self._started_s > STEADY_S:
                self._backoff.reset()
            wait_s = self._backoff.next_s()
            self._restart_due_s = now + wait_s
            return f"{self.label} {self._describe_end()}; restarting in {wait_s:g} s"
        if now >= self._restart_due_s:
            self.start()
            return f"{self.label} restarted"
        return None

    def terminate(self) -> None:
        """Send SIGTERM, on which the process shuts down gracefully."""
        if self._process is not None and self.is_running:
            self._process.terminate()

    def wait(self, deadline: float) -> bool:
        """Wait for the process to end until `deadline` (`time.monotonic`); returns whether it has ended."""
        if self._process is None:
            return True
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return False
        self._close()
        return True

    def kill(self) -> None:
        """Kill the process; its pending entries are recovered at the next start."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._close()

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None

    def _describe_end(self) -> str:
        status = self._process.returncode if self._process is not None else 0
        end = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with exit code {status}"
        return f"{end}: {last_line(self.log)} (see {self.log})"
