"""The private Redis of one machine: a redis-server on loopback whose data lie in a folder of their own."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import redis.exceptions

from schemas.errors import ConfigurationError, RedisUnavailableError
from tasador.machine.log_files import last_line
from tasador.machine.redis_binary import find_binary
from tasador.machine.supervision import foreign_command
from transport.connection import connect
from transport.server import OLDEST

LOOPBACK = "127.0.0.1"
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0

_POLL_S = 0.02
_TRIES = 3
_MULTI_PART_AOF = (7, 0)
_OPTIONS = {"save": "", "appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}


class PrivateRedis:
    """One redis-server with an append-only file, synced to disk every second.

    Args:
        folder: for its data, its log and its port; created at the start.

    Attributes:
        log: what the server has to say.
        port: where it listens on 127.0.0.1; kept across restarts as long as nobody else takes it.
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
        """The server's process id; None where it was not started."""
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it; returns when it has loaded its data and answers.

        A server which a killed process left in this folder is stopped first.

        Raises:
            ConfigurationError: there is no redis-server that serves here, or the folder cannot be used.
            RedisUnavailableError: it ended at once, or did not answer in time.
        """
        # what a 7.0 has written a 6.2 would not see, and begin anew
        binary = find_binary(_MULTI_PART_AOF if (self.folder / "appendonlydir").exists() else OLDEST)
        self._stop_left_over()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for _ in range(_TRIES):
                self.port = self._choose_port()
                if self._run(binary):
                    self._port_file.write_text(f"{self.port}\n", encoding="utf-8")
                    return
        except OSError as error:
            raise ConfigurationError(f"{self.folder}: cannot keep a Redis here: {error.strerror}") from error
        raise RedisUnavailableError(f"the private Redis does not start: {last_line(self.log)} (see {self.log})")

    def stop(self) -> None:
        """Let it write what it has, and end it; nothing happens where it does not run."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _run(self, binary: Path) -> bool:
        """Whether it started; if not, somebody else may have been quicker to take the port."""
        options = {"bind": LOOPBACK, "port": self.port, "dir": self.folder, "logfile": self.log, **_OPTIONS}
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self._process = subprocess.Popen(
            foreign_command(str(binary), *words),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for whoever started it, who stops it last
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
        """Whether that very process answers and has loaded its data."""
        with connect(self.url, timeout_s=1) as client:
            try:
                return bool(client.info("server")["process_id"] == pid and client.ping())
            except redis.exceptions.RedisError:  # not yet, or somebody else's that wants a password
                return False

    def _stop_left_over(self) -> None:
        port = self._kept_port()
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while port and _serves(port, self.folder):
            if time.monotonic() > deadline:
                raise RedisUnavailableError(f"a Redis that was left in {self.folder} on port {port} does not stop")
            time.sleep(_POLL_S)

    def _kept_port(self) -> int:
        try:
            return int(self._port_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return 0

    def _choose_port(self) -> int:
        with socket.socket() as probe:
            # as redis-server does: lingering connections of the last run do not cost the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, self._kept_port()))
            except OSError:
                probe.bind((LOOPBACK, 0))
            return int(probe.getsockname()[1])


def _serves(port: int, folder: Path) -> bool:
    """Whether a Redis on that port keeps its data in that folder; it is told to stop."""
    with connect(f"redis://{LOOPBACK}:{port}/0", timeout_s=1) as client:
        try:
            if Path(client.config_get("dir")["dir"]).resolve() != folder.resolve():
                return False
            client.shutdown()
        except redis.exceptions.RedisError:  # nobody there, or somebody else's with a password
            return False
    return True
