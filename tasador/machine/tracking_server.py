"""MLflow's own server over the store of this machine, as a process that ends with this one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile

import requests

from registry.location import artifact_root_of, create_store_folder
from schemas.errors import RegistryUnavailableError
from tasador.machine.supervision import foreign_command

LOOPBACK = "127.0.0.1"
START_TIMEOUT_S = 120.0
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # background jobs of features that nobody here uses; they take seconds to start
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
_STOP_TIMEOUT_S = 10.0
_POLL_S = 0.1


@contextmanager
def serving_mlflow(tracking_uri: str, port: int = 0) -> Iterator[str]:
    """MLflow's page over an SQLite store, on loopback; gives its address once it answers.

    Args:
        tracking_uri: of the store.
        port: 0 picks a free one.

    Raises:
        RegistryUnavailableError: the server ended, or does not answer in time; with the last line that it said.
        ConfigurationError: the store's folder cannot be made.
    """
    create_store_folder(tracking_uri)
    port = port or _free_port()
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(
            foreign_command(*_command(tracking_uri, port)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | _ENVIRONMENT,
            start_new_session=True,  # Ctrl-C is for us, who end it
        )
        try:
            address = f"http://{LOOPBACK}:{port}"
            if not _answers(process, address):
                log.seek(0)
                said = [line for line in log.read().splitlines() if line.strip()] or ["it said nothing"]
                raise RegistryUnavailableError(f"MLflow's server does not start on port {port}: {said[-1][:300]}")
            yield address
        finally:
            _end(process)


def _command(tracking_uri: str, port: int) -> list[str]:
    options = {
        "--backend-store-uri": tracking_uri,
        "--default-artifact-root": artifact_root_of(tracking_uri) or "",
        "--host": LOOPBACK,
        "--port": str(port),
        "--workers": "1",
    }
    flat = [part for option in options.items() for part in option if option[1]]
    return [sys.executable, "-m", "mlflow", "server", "--no-serve-artifacts", *flat]


def _answers(process: subprocess.Popen[bytes], address: str) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return requests.get(f"{address}/health", timeout=1).ok
        except requests.RequestException:
            time.sleep(_POLL_S)
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    """The server, and the processes that it has started."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_TIMEOUT_S)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        return int(free.getsockname()[1])
