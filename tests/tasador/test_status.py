from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from schemas.commands import ModelEvent
from schemas.states import Activity
from schemas.streams import SCORERS, Streams
from tasador.cli.commands.status import status
from tests.operations.answers import activate, beat, deliver, predict, publish, refuse, run_beside
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
    run_beside(redis_client, streams, champion="7", versions=3)


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
        "registry 3 versions, champion 7",
        "jobs none",
        "a1 consumer running 7 1 min",
        "t1 trainer running",
        "m1 monitor running",
    ):
        assert part in output


@pytest.mark.usefixtures("_running")
def test_status_as_json() -> None:
    document = COMMAND.json()
    assert (document["state"], document["backlog"]["total"], document["totals"]["scored"]) == ("healthy", 2, 2)
    assert document["consumers"][0]["heartbeat"]["version"] == "7"


def test_status_without_any_process_is_down_and_exits_with_2() -> None:
    result = COMMAND.run()
    assert result.exit_code == 2
    assert result.stdout.startswith("down")
    assert "no consumer lives" in result.stdout
    assert "no consumers, no trainers, no monitors" in result.stdout


@pytest.mark.usefixtures("_running")
def test_a_degraded_domain_exits_with_1_and_shows_versions_jobs_and_events(
    redis_client: redis.Redis, streams: Streams
) -> None:
    assert COMMAND.run().exit_code == 0
    redis_client.hset(streams.worker_state, "champion", "6")
    loading = Activity(what="loading version 8", since_ms=int(redis_client.time()[0] * 1000) - 4500)
    beat(redis_client, streams, "a2", version="6", activation="0-1", activities=[loading])
    event = ModelEvent.of("tasador/housing/trainer/t1", "model.activated", version="7", champion="6")
    redis_client.xadd(streams.model_events, {"data": event.model_dump_json()})
    result = COMMAND.run()
    assert result.exit_code == 1
    output = " ".join(result.stdout.split())
    assert "versions champion 6, desired 7, active 6, 7" in output
    assert "jobs a2: loading version 8 for 4 s" in output or "jobs a2: loading version 8 for 5 s" in output
    assert output.endswith("model.activated tasador/housing/trainer/t1 v7 champion v6")


def test_control_characters_of_a_heartbeat_are_escaped(redis_client: redis.Redis, streams: Streams) -> None:
    beat(redis_client, streams, "\x1b[31m[red]a1")
    output = COMMAND.run().stdout
    assert "\x1b" not in output
    assert "[red]a1" in output


def test_an_unreachable_redis_and_a_system_that_does_not_run_are_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TASADOR_REDIS_URL", "redis://127.0.0.1:1/0")
    result = COMMAND.run()
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "Redis at redis://127.0.0.1:1/0 does not answer" in result.stderr
    monkeypatch.delenv("TASADOR_REDIS_URL")
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path))
    result = COMMAND.run()
    assert (result.exit_code, "start the system with `tasador up`" in result.stderr) == (2, True)


def test_watch_refreshes_until_interrupted() -> None:
    program = "import typer; from tasador.cli.commands.status import status; typer.run(status)"
    command = [sys.executable, "-c", program, "--watch", "--interval", "0.1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        statuses = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 2, "the code of the last status: down"
    assert statuses[0]["at_ms"] < statuses[1]["at_ms"]


@pytest.mark.usefixtures("_running")
def test_watch_prints_the_status_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps = iter([None])

    def sleep(_: float) -> None:
        if next(sleeps, "interrupt") is not None:
            raise KeyboardInterrupt

    monkeypatch.setattr("tasador.cli.commands.status.time.sleep", sleep)
    assert "healthy" in COMMAND.text("--watch")
