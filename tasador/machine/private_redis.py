"""The private Redis of one machine: a redis-server on loopback with its data in the home folder."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import redis.exceptions

from schemas.errors import ConfigurationError, RedisUnavailableError
from tasador.machine.log_files import last_line
from tasador.machine.ports import LOOPBACK, find_free_port
from tasador.machine.redis_binary import find_binary
from tasador.machine.supervision import program_command
from transport.connection import connect
from transport.server import OLDEST

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0

_POLL_S = 0.02
_ATTEMPTS = 3
_MULTI_PART_AOF = (7, 0)
_OPTIONS = {"save": "", "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}


class PrivateRedis:
    """One redis-server with an append-only file, synced to disk every second.

    Args:
        folder: for its data, log and port; `start` creates it.

    Attributes:
        log: path of the server's log.
        port: on 127.0.0.1; stays the same across restarts unless another program takes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.log = self.folder / "redis.log"
        self.port = 0
        self._port_file = self.folder / "port"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address for clients."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """The server's process id; None before `start`."""
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the server; returns when it has loaded its data and answers.

        A server that a killed process left running in this folder is stopped first.

        Raises:
            ConfigurationError: there is no suitable redis-server, or the folder cannot be used.
            RedisUnavailableError: the server ended at once, or did not answer in time.
        """
        # 6.2 ignores the append-only files of 7.0 and would start without data
        binary = find_binary(_MULTI_PART_AOF if (self.folder / "appendonlydir").exists() else OLDEST)
        self._stop_orphan()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for _ in range(_ATTEMPTS):
                self.port = find_free_port(LOOPBACK, self._saved_port())
                if self._launch(binary):
                    self._port_file.write_text(f"{self.port}\n", encoding="utf-8")
                    return
        except OSError as error:
            raise ConfigurationError(f"{self.folder}: cannot be used for a private Redis: {error.strerror}") from error
        raise RedisUnavailableError(f"the private Redis did not start: {last_line(self.log)} (see {self.log})")

    def stop(self) -> None:
        """Stop the server after it has written its data; does nothing if it was not started."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _launch(self, binary: Path) -> bool:
        """Whether it started; if not, another program may have taken the port in the meantime."""
        options = {"bind": LOOPBACK, "port": self.port, "dir": self.folder, "logfile": self.log, **_OPTIONS}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen(
            program_command(str(binary), *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C reaches the parent only, which stops Redis last
        )
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._answers(self._process.pid):
            if not self.is_running:
                self._process = None
                return False
            if time.monotonic() > deadline:
                self.stop()
                raise RedisUnavailableError(
                    f"the private Redis did not answer in {START_TIMEOUT_S:g} s (see {self.log})"
                )
            time.sleep(_POLL_S)
        return True

    def _answers(self, pid: int) -> bool:
        """Whether the process with this pid answers and has loaded its data."""
        with connect(self.url, timeout_s=1) as client:
            try:
                return bool(client.info("server")["process_id"] == pid and client.ping())
            except redis.exceptions.RedisError:  # not ready yet, or another server that requires a password
                return False

    def _stop_orphan(self) -> None:
        port = self._saved_port()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while port and _request_shutdown(port, self.folder):
            if time.monotonic() > deadline:
                raise RedisUnavailableError(f"an orphaned Redis in {self.folder} on port {port} does not stop")
            time.sleep(_POLL_S)

    def _saved_port(self) -> int:
        try:
            return int(self._port_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0


def _request_shutdown(port: int, folder: Path) -> bool:
    """Send SHUTDOWN to the Redis on this port if its data are in this folder; returns whether it was sent."""
    with connect(f"redis://{LOOPBACK}:{port}/0", timeout_s=1) as client:
        try:
            if Path(client.config_get("dir")["dir"]).resolve() != folder.resolve():
                return False
            client.shutdown()
        except redis.exceptions.RedisError:  # no server, or another one that requires a password
            return False
    return True
