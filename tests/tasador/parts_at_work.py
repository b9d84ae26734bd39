"""A consumer, a trainer and a monitor at work, each in a process of its own, without a model."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from tasador.machine.processes import ManagedProcess
from tests.waiting import wait_until

PARTS = ("consumer", "trainer", "monitor")
_NO_MODEL = "no model has been activated yet"


def ask(
    part: ManagedProcess, path: str, method: str = "GET", headers: dict[str, str] | None = None
) -> tuple[int, str, str]:
    """Status, `Allow` and body of a part's answer."""
    connection = HTTPConnection(urlsplit(part.url).netloc, timeout=10)
    body = b'{"channelName": "x", "message": {"message": "x"}, "options": {"sendToRealBroker": true}}'
    connection.request(method, path, body if method not in {"GET", "HEAD"} else None, headers or {})
    answer = connection.getresponse()
    told = answer.status, answer.headers.get("Allow", ""), answer.read().decode()
    connection.close()
    return told


@contextmanager
def working_parts(redis_url: str, prefix: str, home: Path) -> Iterator[dict[str, ManagedProcess]]:
    """The parts by their command, once they have nothing left to write but heartbeats."""
    environment = os.environ | {"TASADOR_HOME": str(home), "TASADOR_REDIS_URL": redis_url, "TASADOR_PREFIX": prefix}
    environment["TASADOR_MONITOR__INTERVAL_S"] = "3600"
    parts = {
        kind: ManagedProcess(
            "housing", kind, f"{kind}-1", logs=home / "logs", host="127.0.0.1", environment=environment
        )
        for kind in PARTS
    }
    try:
        for part in parts.values():
            part.start()
        wait_until(lambda: parts["trainer"].is_ready, 60, "the trainer is ready")
        for kind in ("consumer", "monitor"):
            wait_until(lambda kind=kind: _waits_for_a_model(parts[kind]), 60, f"the {kind} waits for a model")  # type: ignore[misc]
        yield parts
    finally:
        for part in parts.values():
            part.kill()


def _waits_for_a_model(part: ManagedProcess) -> bool:
    try:
        (reason,) = json.loads(ask(part, "/readyz")[2])["reasons"]
    except (ConnectionError, ValueError):
        return False
    return _NO_MODEL in str(reason)
