"""`tasador tail --out`: a file of whole events without gaps or duplicates."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from schemas.errors import DataError
from schemas.streams import Streams
from tasador.cli.commands.tail import tail
from tests.operations.answers import predict
from tests.tasador.command import runner_of, use_redis
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
COMMAND = runner_of(tail)


@pytest.fixture(autouse=True)
def _use_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    use_redis(monkeypatch, redis_url, prefix)


def _entries(file: Path) -> list[str]:
    return [json.loads(line)["entry_id"] for line in file.read_text().splitlines()]


def test_it_continues_after_the_last_event_of_the_file(
    redis_client: redis.Redis, streams: Streams, tmp_path: Path
) -> None:
    file = tmp_path / "predictions.jsonl"
    written = [predict(redis_client, streams, f"{number}-0") for number in range(1, 4)]
    arguments = ("predictions", "--no-follow", "--out", str(file))
    assert COMMAND.text(*arguments, "--from-start") == ""
    assert COMMAND.text(*arguments) == ""
    assert _entries(file) == written
    written += [predict(redis_client, streams, f"{number}-0") for number in range(4, 30)]
    COMMAND.text(*arguments)
    assert _entries(file) == written
    assert json.loads(file.read_text().splitlines()[0])["data"]["prediction"] == 20.0


def test_a_partial_line_is_replaced(redis_client: redis.Redis, streams: Streams, tmp_path: Path) -> None:
    file = tmp_path / "predictions.jsonl"
    written = [predict(redis_client, streams, f"{number}-0") for number in (1, 2)]
    arguments = ("predictions", "--no-follow", "--out", str(file))
    COMMAND.text(*arguments)
    file.write_bytes(file.read_bytes()[:-20])
    COMMAND.text(*arguments)
    assert _entries(file) == written


def test_a_killed_tail_leaves_whole_events_and_the_next_continues(
    redis_client: redis.Redis, streams: Streams, tmp_path: Path
) -> None:
    file = tmp_path / "predictions.jsonl"
    program = "import typer; from tasador.cli.commands.tail import tail; typer.run(tail)"
    command = [sys.executable, "-c", program, "predictions", "--out", str(file)]
    first = predict(redis_client, streams, "1-0")
    with subprocess.Popen(command, cwd=ROOT) as process:
        wait_until(lambda: file.exists() and _entries(file) == [first], message="the event is in the file")
        process.kill()
    second = predict(redis_client, streams, "2-0")
    COMMAND.text("predictions", "--no-follow", "--out", str(file))
    assert _entries(file) == [first, second]


def test_a_file_without_events_is_not_touched(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Sir,\n")
    with pytest.raises(DataError, match=r"letter\.txt: does not hold events of `tasador tail`"):
        COMMAND.run("predictions", "--no-follow", "--out", str(file))
    assert file.read_text() == "Dear Sir,\n"
    with pytest.raises(DataError, match="cannot be written: No such file or directory"):
        COMMAND.run("predictions", "--no-follow", "--out", str(tmp_path / "nowhere" / "file.jsonl"))
