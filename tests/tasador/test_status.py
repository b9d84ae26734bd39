from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from schemas.errors import RedisUnavailableError
from schemas.streams import SCORERS, Streams
from tasador.cli.commands.status import status
from tests.operations.answers import activate, beat, deliver, predict, publish, refuse
from tests.tasador.command import runner_of, use_redis

ROOT = Path(__file__).parents[2]
COMMAND = runner_of(status)


@pytest.fixture(autouse=True)
def _use_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    use_redis(monkeypatch, redis_url, prefix)


@pytest.fixture
def _running(redis_client: redis.Redis, streams: Streams) -> None:
    redis_client.xgroup_create(streams.listings, SCORERS, id="0", mkstream=True)
    ids = publish(redis_client, streams, 5)
    deliver(redis_client, streams, 4)
    predict(redis_client, streams, ids[0], 20.0)
    predict(redis_client, streams, ids[1], 30.0)
    refuse(redis_client, streams, ids[2], reason="out_of_range")
    activate(redis_client, streams)
    beat(redis_client, streams)


@pytest.mark.usefixtures("_running")
def test_status_prints_state_backlog_and_figures(prefix: str) -> None:
    output = " ".join(COMMAND.text().split())
    assert output.startswith(f"healthy {prefix}")
    for part in (
        "version 7, activation 1-0",
        "2 = 1 undelivered + 1 pending",
        "3 = 2 scored + 1 refused + 0 repeats",
        "mean 25.00, sd 5.00",
        "out_of_range 1 (1 kept)",
        "p50",
        "a1 running 7 1-0",
    ):
        assert part in output


@pytest.mark.usefixtures("_running")
def test_status_as_json() -> None:
    document = COMMAND.json()
    assert (document["state"], document["backlog"]["total"], document["totals"]["scored"]) == ("healthy", 2, 2)
    assert document["consumers"][0]["heartbeat"]["version"] == "7"


def test_status_without_any_process_is_down() -> None:
    output = COMMAND.text()
    assert output.startswith("down")
    assert "no consumer lives" in output
    assert "no consumers" in output


def test_control_characters_of_a_heartbeat_are_escaped(redis_client: redis.Redis, streams: Streams) -> None:
    beat(redis_client, streams, "\x1b[31m[red]a1")
    output = COMMAND.text()
    assert "\x1b" not in output
    assert "[red]a1" in output


def test_an_unreachable_redis_is_an_error_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_REDIS_URL", "redis://127.0.0.1:1/0")
    with pytest.raises(RedisUnavailableError, match=r"Redis at redis://127\.0\.0\.1:1/0 does not answer"):
        COMMAND.run()


def test_watch_refreshes_until_interrupted() -> None:
    program = "import typer; from tasador.cli.commands.status import status; typer.run(status)"
    command = [sys.executable, "-c", program, "--watch", "--interval", "0.1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        statuses = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    assert statuses[0]["at_ms"] < statuses[1]["at_ms"]


@pytest.mark.usefixtures("_running")
def test_watch_prints_the_status_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps = iter([None])

    def sleep(_: float) -> None:
        if next(sleeps, "interrupt") is not None:
            raise KeyboardInterrupt

    monkeypatch.setattr("tasador.cli.commands.status.time.sleep", sleep)
    assert "healthy" in COMMAND.text("--watch")
