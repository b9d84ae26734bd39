"""MLflow's server for the registry of this machine, as a child process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryFile

import requests

from registry.location import artifact_root_of, create_store_folder
from schemas.errors import RegistryUnavailableError
from tasador.machine.ports import LOOPBACK, find_free_port
from tasador.machine.supervision import program_command

START_TIMEOUT_S = 120.0
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # background jobs of features that are not used here; they take seconds to start
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
_STOP_TIMEOUT_S = 10.0
_POLL_S = 0.1


@contextmanager
def serve_mlflow(tracking_uri: str, port: int = 0) -> Iterator[str]:
    """Serve MLflow's web page for an SQLite store on loopback; yields its address once it answers.

    Args:
        tracking_uri: of the store.
        port: 0 picks a free one.

    Raises:
        RegistryUnavailableError: the server ended or did not answer in time; the message has the last line of its log.
        ConfigurationError: the store's folder cannot be created.
    """
    create_store_folder(tracking_uri)
    port = port or find_free_port()
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(
            program_command(*_command(tracking_uri, port)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | _ENVIRONMENT,
            start_new_session=True,  # Ctrl-C reaches this process only, which stops the server
        )
        try:
            address = f"http://{LOOPBACK}:{port}"
            if not _answers(process, address):
                log.seek(0)
                lines = [line for line in log.read().splitlines() if line.strip()] or ["it logged nothing"]
                raise RegistryUnavailableError(f"MLflow's server did not start on port {port}: {lines[-1][:300]}")
            yield address
        finally:
            _stop(process)


def _command(tracking_uri: str, port: int) -> list[str]:
    options = {
        "--backend-store-uri": tracking_uri,
        "--default-artifact-root": artifact_root_of(tracking_uri) or "",
        "--host": LOOPBACK,
        "--port": str(port),
        "--workers": "1",
    }
    flat = [word for option in options.items() for word in option if option[1]]
    return [sys.executable, "-m", "mlflow", "server", "--no-serve-artifacts", *flat]


def _answers(process: subprocess.Popen[bytes], address: str) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            return requests.get(f"{address}/health", timeout=1).ok
        except requests.RequestException:
            time.sleep(_POLL_S)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the server and the processes that it started."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal_number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_TIMEOUT_S)
