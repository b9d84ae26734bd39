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
from tasador.cli.commands.status import EXAMPLE, status
from tests.operations.answers import activate, beat, deliver, predict, publish, refuse
from tests.tasador.command import command_of, point_at

ROOT = Path(__file__).parents[2]
COMMAND = command_of(status)


@pytest.fixture(autouse=True)
def _pointed(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    point_at(monkeypatch, redis_url, prefix)


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
def test_status_shows_what_a_person_asks_for(prefix: str) -> None:
    told = " ".join(COMMAND.text().split())
    assert told.startswith(f"healthy {prefix}")
    for part in (
        "version 7, activation 1-0",
        "2 = 1 undelivered + 1 pending",
        "3 = 2 scored + 1 refused + 0 repeats",
        "mean 25.00, sd 5.00",
        "out_of_range 1 (1 kept)",
        "p50",
        "a1 running 7 1-0",
    ):
        assert part in told


@pytest.mark.usefixtures("_running")
def test_status_is_json_for_machines() -> None:
    told = COMMAND.json()
    assert (told["state"], told["backlog"]["total"], told["totals"]["scored"]) == ("healthy", 2, 2)
    assert told["consumers"][0]["heartbeat"]["version"] == "7"


def test_status_of_nothing_is_down_and_still_a_status() -> None:
    told = COMMAND.text()
    assert told.startswith("down")
    assert "no consumer lives" in told
    assert "no consumers" in told


def test_what_a_heartbeat_holds_cannot_move_the_cursor(redis_client: redis.Redis, streams: Streams) -> None:
    beat(redis_client, streams, "\x1b[31m[red]a1")
    told = COMMAND.text()
    assert "\x1b" not in told
    assert "[red]a1" in told


def test_an_unreachable_redis_is_an_error_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_REDIS_URL", "redis://127.0.0.1:1/0")
    with pytest.raises(RedisUnavailableError, match=r"Redis at redis://127\.0\.0\.1:1/0 does not answer"):
        COMMAND.run()


def test_watching_goes_on_until_interrupted() -> None:
    program = "import typer; from tasador.cli.commands.status import status; typer.run(status)"
    command = [sys.executable, "-c", program, "--watch", "--interval", "0.1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        looks = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0
    assert looks[0]["at_ms"] < looks[1]["at_ms"]


@pytest.mark.usefixtures("_running")
def test_watching_draws_the_status_again(monkeypatch: pytest.MonkeyPatch) -> None:
    naps = iter([None])

    def nap(_: float) -> None:
        if next(naps, "interrupt") is not None:
            raise KeyboardInterrupt

    monkeypatch.setattr("tasador.cli.commands.status.time.sleep", nap)
    assert "healthy" in COMMAND.text("--watch")


def test_the_example_is_a_command() -> None:
    assert EXAMPLE.startswith("tasador status")
    assert "--watch" in COMMAND.text("--help")
