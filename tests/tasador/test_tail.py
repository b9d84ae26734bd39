from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from schemas.commands import ModelEvent
from schemas.streams import Streams
from tasador.cli.commands.tail import tail
from tests.operations.answers import drop_repeat, predict, refuse
from tests.tasador.command import runner_of, use_redis

ROOT = Path(__file__).parents[2]
COMMAND = runner_of(tail)


@pytest.fixture(autouse=True)
def _use_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    use_redis(monkeypatch, redis_url, prefix)


def _lines(*arguments: str) -> list[str]:
    return [" ".join(line.split()[2:]) for line in COMMAND.text(*arguments, "--no-follow").splitlines()]


def test_each_stream_has_a_readable_line(redis_client: redis.Redis, streams: Streams) -> None:
    predict(redis_client, streams, "1-0", 26.42)
    refuse(redis_client, streams, "2-0", reason="invalid_value")
    drop_repeat(redis_client, streams, "3-0")
    swapped = ModelEvent.of("tasador/housing/consumer/a1", "model.swapped", version="7", load_ms=41)
    redis_client.xadd(streams.model_events, {"data": swapped.model_dump_json()})
    assert _lines("predictions") == ["l-1 26.42 v7 imputed CRIM"]
    assert _lines("dead-letters") == ["l-2 invalid_value RM: must be a number"]
    assert _lines("repeats") == ["l-3"]
    assert _lines("model-events") == ["model.swapped tasador/housing/consumer/a1 v7 in 41 ms"]


def test_an_activation_names_the_champion_and_the_version_before_where_they_differ(
    redis_client: redis.Redis, streams: Streams
) -> None:
    for version, before, champion in (("2", "1", "1"), ("2", "2", "2")):
        event = ModelEvent.of("t", "model.activated", version=version, before=before, champion=champion)
        redis_client.xadd(streams.model_events, {"data": event.model_dump_json()})
    assert _lines("model-events") == ["model.activated t v2 before v1 champion v1", "model.activated t v2"]


def test_tail_starts_with_ten_entries_or_the_given_number(redis_client: redis.Redis, streams: Streams) -> None:
    for number in range(12):
        predict(redis_client, streams, f"{number + 1}-0", listing_id=f"l-{number}")

    def shown(*arguments: str) -> list[str]:
        return [line.split()[0] for line in _lines("predictions", *arguments)]

    assert shown() == [f"l-{number}" for number in range(2, 12)]
    assert shown("-n", "2") == ["l-10", "l-11"]
    assert shown("-n", "0") == []
    assert shown("--from-start") == [f"l-{number}" for number in range(12)]


def test_json_lines_hold_the_event_and_its_entry_id(redis_client: redis.Redis, streams: Streams) -> None:
    entry_id = predict(redis_client, streams, "1-0")
    document = COMMAND.json("predictions", "--no-follow")
    assert (document["entry_id"], document["id"], document["data"]["prediction"]) == (entry_id, "1-0", 20.0)


def test_an_entry_that_is_not_an_event_is_shown_escaped(redis_client: redis.Redis, streams: Streams) -> None:
    redis_client.xadd(streams.predictions, {"data": "{}"})
    redis_client.xadd(streams.predictions, {"other": "\x1b[31m"})
    output = COMMAND.text("predictions", "--no-follow")
    assert output.count("not an event of this stream") == 2
    assert "\x1b" not in output
    output = COMMAND.text("predictions", "--no-follow", "--json")
    assert "unreadable" in json.loads(output.splitlines()[1])


def test_a_stream_that_does_not_exist_yet_is_followed_from_its_first_entry(
    redis_client: redis.Redis, streams: Streams
) -> None:
    program = "import typer; from tasador.cli.commands.tail import tail; typer.run(tail)"
    command = [sys.executable, "-c", program, "predictions", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        first = predict(redis_client, streams, "1-0")
        assert json.loads(process.stdout.readline())["entry_id"] == first
        second = predict(redis_client, streams, "2-0")
        assert json.loads(process.stdout.readline())["entry_id"] == second
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 0
        assert process.stdout.read() == ""


def test_an_unknown_stream_is_a_usage_error() -> None:
    result = COMMAND.run("listings")
    assert result.exit_code == 2
    assert "dead-letters" in result.output
