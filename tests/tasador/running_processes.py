"""Runs a consumer, a trainer, a monitor and an explainer, each in its own process, without a model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tasador.machine.processes import ManagedProcess
from tests.waiting import wait_until

COMMANDS = ("consumer", "trainer", "monitor", "explainer")
_NO_MODEL = "no model has been activated yet"


def request(
    process: ManagedProcess, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Status, `Allow` header and body of the answer."""
    connection = HTTPConnection(urlsplit(process.url).netloc, timeout=10)
    body = b'{"channelName": "x", "message": {"message": "x"}, "options": {"sendToRealBroker": true}}'
    connection.request(method, path, body if method not in {"GET", "HEAD"} else None, headers or {})
    answer = connection.getresponse()
    status, allow, text = answer.status, answer.headers.get("Allow", ""), answer.read().decode()
    connection.close()
    return status, allow, text


@contextmanager
def run_processes(redis_url: str, prefix: str, home: Path) -> Iterator[dict[str, ManagedProcess]]:
    """The processes by command, once they write nothing but heartbeats."""
    environment = os.environ | {"TASADOR_HOME": str(home), "TASADOR_REDIS_URL": redis_url, "TASADOR_PREFIX": prefix}
    environment["TASADOR_MONITOR__INTERVAL_S"] = "3600"
    processes = {
        command: ManagedProcess(
            "housing", command, f"{command}-1", logs=home / "logs", host="127.0.0.1", environment=environment
        )
        for command in COMMANDS
    }
    try:
        for process in processes.values():
            process.start()
        wait_until(lambda: processes["trainer"].is_ready, 60, "the trainer is ready")
        for command in ("consumer", "monitor"):
            wait_until(partial(_waits_for_model, processes[command]), 60, f"the {command} waits for a model")
        yield processes
    finally:
        for process in processes.values():
            process.kill()


def _waits_for_model(process: ManagedProcess) -> bool:
    try:
        (reason,) = json.loads(request(process, "/readyz")[2])["reasons"]
    except (ConnectionError, ValueError):
        return False
    return _NO_MODEL in str(reason)
