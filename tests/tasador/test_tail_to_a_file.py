"""`tasador tail --out`: a file of whole events, without gaps and without an event twice."""

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
from tests.tasador.command import command_of, point_at
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
COMMAND = command_of(tail)


@pytest.fixture(autouse=True)
def _pointed(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    point_at(monkeypatch, redis_url, prefix)


def _entries(file: Path) -> list[str]:
    return [json.loads(line)["entry_id"] for line in file.read_text().splitlines()]


def test_it_goes_on_after_the_last_event_of_the_file(
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


def test_half_a_line_of_a_crash_is_written_again_whole(
    redis_client: redis.Redis, streams: Streams, tmp_path: Path
) -> None:
    file = tmp_path / "predictions.jsonl"
    written = [predict(redis_client, streams, f"{number}-0") for number in (1, 2)]
    arguments = ("predictions", "--no-follow", "--out", str(file))
    COMMAND.text(*arguments)
    file.write_bytes(file.read_bytes()[:-20])
    COMMAND.text(*arguments)
    assert _entries(file) == written


def test_a_killed_one_leaves_whole_events_and_the_next_goes_on(
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


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Sir,\n")
    with pytest.raises(DataError, match=r"letter\.txt: holds no events of `tasador tail`"):
        COMMAND.run("predictions", "--no-follow", "--out", str(file))
    assert file.read_text() == "Dear Sir,\n"
    with pytest.raises(DataError, match="cannot be written: No such file or directory"):
        COMMAND.run("predictions", "--no-follow", "--out", str(tmp_path / "nowhere" / "file.jsonl"))
