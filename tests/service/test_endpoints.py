from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest
from faststream.redis import RedisBroker
from faststream.specification import AsyncAPI

from schemas.errors import ConfigurationError, PortInUseError, RedisUnavailableError
from service.application import ServedApp, bind, serve
from service.endpoints import routes
from service.health import Health
from service.logs import BROKER
from service.metrics import build_registry

ROOT = Path(__file__).parents[2]


@pytest.fixture
def served(redis_url: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.service.served", redis_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as process:
        yield process
        process.kill()


def _get(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path)
    response = connection.getresponse()
    answer = response.status, response.read().decode()
    connection.close()
    return answer


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_process_answers_until_a_signal_stops_it_cleanly(served: subprocess.Popen[str], stop: signal.Signals) -> None:
    assert served.stdout is not None
    port = int(served.stdout.readline())
    status, body = _get(port, "/livez")
    assert (status, json.loads(body)) == (200, {"live": True})
    status, body = _get(port, "/readyz")
    assert (status, json.loads(body)) == (200, {"ready": True, "reasons": []})
    status, body = _get(port, "/metrics")
    assert status == 200
    assert "process_cpu_seconds_total" in body
    assert _get(port, "/other")[0] == 404
    served.send_signal(stop)
    out, _ = served.communicate(timeout=120)
    assert (out, served.returncode) == ("shut down\n", 0)


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def app(redis_url: str, health: Health) -> ServedApp:
    broker = RedisBroker(redis_url, logger=logging.getLogger(BROKER))
    return ServedApp(broker, asgi_routes=routes(health, build_registry(), AsyncAPI()))


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with bind(0, "127.0.0.1") as listener:
        yield listener


def test_a_stuck_or_unready_process_reports_it(
    app: ServedApp, listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[tuple[int, str]] = []
    monkeypatch.setattr(Health, "is_living", False)

    async def ask() -> None:
        port = listener.getsockname()[1]
        answers.extend([await asyncio.to_thread(_get, port, path) for path in ("/readyz", "/livez")])
        app.exit()

    async def start_asking() -> None:
        tasks.append(asyncio.create_task(ask()))

    tasks: list[asyncio.Task[None]] = []
    app.after_startup(start_asking)
    serve(app, listener)
    answered = [(status, json.loads(body)) for status, body in answers]
    assert answered == [(503, {"ready": False, "reasons": ["start: starting"]}), (503, {"live": False})]


def test_a_process_that_fails_shuts_down_and_raises(app: ServedApp, listener: socket.socket) -> None:
    events: list[str] = []
    app.after_startup(lambda: app.fail(RedisUnavailableError("it went away")))
    app.after_startup(lambda: app.fail(RedisUnavailableError("and again")))
    app.on_shutdown(lambda: events.append("shut down"))
    with pytest.raises(RedisUnavailableError, match="it went away"):
        serve(app, listener)
    assert events == ["shut down"]


def _refuse_to_start() -> None:
    raise ConfigurationError("this cannot start")


def _break() -> None:
    raise ZeroDivisionError


def test_a_start_error_of_the_operator_shows_no_stack_trace(
    app: ServedApp, listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    app.on_startup(_refuse_to_start)
    with pytest.raises(ConfigurationError, match="this cannot start"):
        serve(app, listener)
    assert "Traceback" not in caplog.text


def test_a_bug_during_the_start_shows_its_stack_trace(
    app: ServedApp, listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    app.on_startup(_break)
    with pytest.raises(SystemExit) as ended:
        serve(app, listener)
    assert ended.value.code != 0
    assert "ZeroDivisionError" in caplog.text


def test_an_error_after_the_start_ends_the_server(
    app: ServedApp, listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    app.after_startup(_break)
    with pytest.raises(SystemExit) as ended:
        serve(app, listener)
    assert ended.value.code == 1
    assert "ZeroDivisionError" in caplog.text


def test_a_bug_at_work_shows_its_stack_trace(
    app: ServedApp, listener: socket.socket, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        _break()

    def ended(task: asyncio.Task[None]) -> None:
        app.fail(task.exception() or AssertionError("it did not break"))

    async def begin() -> None:
        asyncio.create_task(work()).add_done_callback(ended)

    app.after_startup(begin)
    with pytest.raises(SystemExit):
        serve(app, listener)
    assert caplog.text.count("Traceback") == 1


def test_a_stop_that_fails_raises(app: ServedApp, listener: socket.socket) -> None:
    app.after_startup(app.exit)
    app.on_shutdown(_refuse_to_start)
    with pytest.raises(ConfigurationError, match="this cannot start"):
        serve(app, listener)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"port {port} on 127.0.0.1 is in use"):
            bind(port, "127.0.0.1")


@pytest.mark.parametrize(("port", "host"), [(70_000, "127.0.0.1"), (0, "203.0.113.1")])
def test_an_unusable_address_is_named(port: int, host: str) -> None:
    with pytest.raises(ConfigurationError, match=f"cannot listen on port {port} of {host}"):
        bind(port, host)
