"""`tasador publish` with a rate, with outcomes, and waiting for answers."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
from pyarrow import parquet

from schemas.errors import DataError, NotConfirmedError
from schemas.streams import Streams
from tasador.cli.commands.publish import publish
from tests.consumer.harness import running, settings_for
from tests.folders import AWKWARD_NAME
from tests.listings import Row
from tests.producer.stream import read_events
from tests.tasador.command import runner_of, use_redis
from tests.waiting import wait_until

COMMAND = runner_of(publish)
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _pointed(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str, tmp_path: Path) -> None:
    use_redis(monkeypatch, redis_url, prefix)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def homes(tmp_path: Path, boston_rows: list[Row]) -> Path:
    """The 506 real rows, of which every tenth is out of range and the first is repeated at the end."""
    path = tmp_path / "homes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["ID", *boston_rows[0]])
        writer.writeheader()
        for number, row in enumerate([*boston_rows, boston_rows[0]]):
            wrong = {"RM": 99} if number % 10 == 5 else {}
            writer.writerow({"ID": f"home-{number % 506}"} | row | wrong)
    return path


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
async def test_each_row_of_the_file_has_a_row_of_answers(
    redis_url: str, prefix: str, homes: Path, tmp_path: Path, boston_rows: list[Row], ending: str
) -> None:
    answers = tmp_path / f"answers{ending}"
    arguments = (str(homes), "--id-column", "ID", "--source", "/agency/42", "--out", str(answers), "--timeout", "20")
    async with running(redis_url, settings_for(prefix)), running(redis_url, settings_for(prefix), "b"):
        first = await asyncio.to_thread(COMMAND.json, *arguments)
        second = await asyncio.to_thread(COMMAND.json, *arguments)
    assert first["answers"] == {"scored": 455, "refused": 51, "repeated": 1}
    assert second["answers"] == {"refused": 51, "repeated": 456}
    if ending == ".csv":
        with answers.open(newline="") as file:
            rows = [row | {"prediction": float(row["prediction"] or "nan")} for row in csv.DictReader(file)]
    else:
        rows = parquet.read_table(answers).to_pylist()
    assert [row["id"] for row in rows] == [f"home-{number % 506}" for number in range(507)]
    assert {row["source"] for row in rows} == {"/agency/42"}
    for number, (row, home) in enumerate(zip(rows, [*boston_rows, boston_rows[0]], strict=True)):
        if number % 10 == 5:
            assert (row["reason"], row["error"][:4]) == ("out_of_range", "RM: ")
        else:
            assert row["prediction"] == pytest.approx(2 * home["RM"])


@pytest.fixture
def awkwardly_named(homes: Path) -> Path:
    """The same rows in a file whose name begins with a dash, among other things."""
    return homes.rename(homes.with_name(f"{AWKWARD_NAME}.csv"))


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
async def test_files_may_have_any_name(
    redis_url: str, prefix: str, awkwardly_named: Path, tmp_path: Path, ending: str
) -> None:
    answers, receipts = f"{AWKWARD_NAME} answers{ending}", f"{AWKWARD_NAME} receipts"
    arguments = ("--id-column", "ID", "--limit", "20", "--timeout", "20", "--out", answers, "--receipts", receipts)
    async with running(redis_url, settings_for(prefix)):
        done = await asyncio.to_thread(COMMAND.run, *arguments, "--", awkwardly_named.name)
    assert done.exit_code == 0, done.output
    assert f"written to {answers}" in done.output
    assert _names(tmp_path) == sorted([awkwardly_named.name, answers, receipts])


async def test_the_answers_are_summarised_in_text(redis_url: str, prefix: str) -> None:
    async with running(redis_url, settings_for(prefix)):
        output = await asyncio.to_thread(COMMAND.text, "--sample", "20", "--wait", "--timeout", "20")
    assert output.splitlines()[-1] == "answers: 20 scored"


def test_after_the_timeout_it_lists_missing_answers_and_writes_nothing(homes: Path, tmp_path: Path) -> None:
    with pytest.raises(NotConfirmedError, match=r"not within 0 s: 20 of 20 listings have no answer yet \(entries \d+-"):
        COMMAND.run(str(homes), "--id-column", "ID", "--limit", "20", "--out", "answers.csv", "--timeout", "0")
    assert [path.name for path in tmp_path.iterdir()] == ["homes.csv"]


def test_after_an_interrupt_it_lists_missing_answers_and_writes_nothing(
    homes: Path, tmp_path: Path, redis_client: redis.Redis, streams: Streams
) -> None:
    program = "import sys; from tasador.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", program, "publish", str(homes), "--id-column", "ID", "--out", "answers.csv"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    others = {one["id"] for one in redis_client.client_list()}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        wait_until(lambda: redis_client.xlen(streams.listings) == 507, message="listings are published")
        # a blocking read shows that the command has stored the published entries
        wait_until(
            lambda: any("b" in one["flags"] for one in redis_client.client_list() if one["id"] not in others),
            message="answers are awaited",
        )
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=120) == 1
        assert process.stderr is not None
        output = " ".join(process.stderr.read().split())
    assert "interrupted: 507 of 507 listings have no answer yet" in output
    assert "no answers were written" in output
    assert [path.name for path in tmp_path.iterdir()] == ["homes.csv"]


def test_a_rate_is_kept() -> None:
    result = COMMAND.json("--sample", "41", "--rate", "100")
    assert result["published"] == 41
    # the last listing is due 0.4 s after the start
    assert result["seconds"] >= 0.4


def test_a_limit_stops_publishing(homes: Path, redis_client: redis.Redis, streams: Streams) -> None:
    assert COMMAND.json(str(homes), "--id-column", "ID", "--limit", "7")["published"] == 7
    assert [event["id"] for event in read_events(redis_client, streams)] == [f"home-{n}" for n in range(7)]


def test_outcomes_are_published_to_their_stream(tmp_path: Path, redis_client: redis.Redis, streams: Streams) -> None:
    (tmp_path / "sold.csv").write_text("ID,MEDV\nl-1,24\nl-2,\nl-3,30\n")
    result = COMMAND.run("sold.csv", "--outcomes", "--id-column", "ID", "--rate", "1000")
    assert result.stdout.startswith("2 outcomes published in ")
    assert "1 rows were skipped: they have no outcome yet" in result.stderr
    entries: Any = redis_client.xrange(streams.outcomes)
    assert [json.loads(fields[b"data"])["data"]["outcome"] for _, fields in entries] == [24.0, 30.0]
    assert not redis_client.exists(streams.listings)


def test_the_answer_path_is_checked_before_publishing(homes: Path, redis_client: redis.Redis, streams: Streams) -> None:
    with pytest.raises(DataError, match="unknown format"):
        COMMAND.run(str(homes), "--id-column", "ID", "--out", "answers.txt")
    assert not redis_client.exists(streams.listings)


@pytest.mark.parametrize(
    "arguments",
    [["--outcomes"], ["a.csv", "--outcomes", "--wait"], ["--sample", "1", "--outcomes"], ["a.csv", "--rate", "0"]],
)
def test_invalid_arguments_are_a_usage_error(arguments: list[str]) -> None:
    assert COMMAND.run(*arguments).exit_code == 2
