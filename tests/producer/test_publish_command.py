"""The command `tasador publish`."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
import typer
from typer.testing import CliRunner, Result

from schemas.errors import ConfigurationError, DataError, RedisUnavailableError, RefusedListingError, ServerError
from schemas.streams import Streams
from tasador.cli.commands.publish import publish
from tests.listings import Row
from tests.producer.stream import decode_all, read_entries, read_events

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(redis_url: str, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Runs the command in an empty folder on the test's own keys."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TASADOR_REDIS_URL", redis_url)
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    monkeypatch.setenv("COLUMNS", "200")
    app = typer.Typer()
    app.command()(publish)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def homes(tmp_path: Path, boston_rows: list[Row]) -> Path:
    """The 506 real rows as a CSV file, with the target and some gaps."""
    path = tmp_path / "homes.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*boston_rows[0], "MEDV"])
        writer.writeheader()
        for n, row in enumerate(boston_rows):
            writer.writerow(row | {"MEDV": 24.0} | ({"AGE": "NA", "ZN": ""} if n % 10 == 0 else {}))
    return path


def test_a_file_is_published_whole_and_the_consumer_accepts_it(
    invoke: Invoke, homes: Path, redis_client: redis.Redis, streams: Streams
) -> None:
    result = invoke(homes)
    assert result.exit_code == 0
    assert result.stdout.startswith("506 listings published in ")
    assert "506 listings" in result.stderr
    assert len(decode_all(redis_client, streams)) == 506


def test_a_file_published_twice_gives_the_same_identities(
    invoke: Invoke, homes: Path, redis_client: redis.Redis, streams: Streams
) -> None:
    assert invoke(homes).exit_code == invoke(homes).exit_code == 0
    ids = [event["id"] for event in read_events(redis_client, streams)]
    assert ids[:506] == ids[506:]
    assert len(set(ids)) == 506


def test_json_output_describes_what_was_published(invoke: Invoke, redis_client: redis.Redis, streams: Streams) -> None:
    result = invoke("--sample", 20, "--json")
    answer = json.loads(result.stdout)
    entries = [entry_id for entry_id, _ in read_entries(redis_client, streams)]
    assert answer.pop("seconds") > 0
    assert answer == {"published": 20, "first_entry": entries[0], "last_entry": entries[-1]}


def test_samples_of_another_domain(invoke: Invoke, redis_client: redis.Redis, streams: Streams) -> None:
    assert invoke("--sample", 5, "--domain", "obesity", "--validate").exit_code == 0
    assert len(decode_all(redis_client, streams, "obesity")) == 5


def test_an_unknown_column_is_reported_before_the_first_row(
    invoke: Invoke, homes: Path, redis_client: redis.Redis, streams: Streams
) -> None:
    homes.write_text(homes.read_text().replace("RM", "ROOMS", 1))
    result = invoke(homes)
    assert result.exit_code == 1
    assert isinstance(result.exception, DataError)
    assert "unknown column 'ROOMS'; known columns are CRIM, " in str(result.exception)
    assert not redis_client.exists(streams.listings)


def test_ids_from_a_column(invoke: Invoke, homes: Path, redis_client: redis.Redis, streams: Streams) -> None:
    lines = homes.read_text().splitlines()
    numbered = [f"home-{n},{line}" if n else f"ID,{line}" for n, line in enumerate(lines)]
    homes.write_text("\n".join(numbered))
    assert invoke(homes, "--id-column", "ID").exit_code == 0
    assert [event["id"] for event in read_events(redis_client, streams)] == [f"home-{n}" for n in range(1, 507)]


def test_validation_stops_publishing_and_reports_the_count(invoke: Invoke, homes: Path) -> None:
    lines = homes.read_text().splitlines(keepends=True)
    broken = lines[1].replace("0.538", "538")
    homes.write_text("".join([*lines, *lines[1:], broken]))
    result = invoke(homes, "--validate")
    assert isinstance(result.exception, RefusedListingError)
    assert "listing 1013 " in str(result.exception)
    assert "NOX" in str(result.exception)
    assert "1,000 listings were published before this" in result.stderr


@pytest.mark.parametrize(
    "arguments", [[], ["homes.csv", "--sample", 3], ["--sample", 3, "--id-column", "ID"], ["--sample", 0]]
)
def test_invalid_arguments_are_a_usage_error(invoke: Invoke, arguments: list[object]) -> None:
    assert invoke(*arguments).exit_code == 2


def test_a_missing_file_is_reported_in_one_line(invoke: Invoke) -> None:
    result = invoke("nowhere.csv")
    assert isinstance(result.exception, DataError)
    assert str(result.exception) == "nowhere.csv: cannot be read: No such file or directory"


def test_without_redis_the_error_says_what_to_do(invoke: Invoke, homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TASADOR_REDIS_URL")
    result = invoke(homes)
    assert isinstance(result.exception, ConfigurationError)
    assert "set TASADOR_REDIS_URL, or start the system with `tasador up`" in str(result.exception)


def test_an_unreachable_redis_is_one_line(invoke: Invoke, homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_REDIS_URL", "redis://:secret@127.0.0.1:1/0")
    result = invoke(homes)
    assert isinstance(result.exception, RedisUnavailableError)
    assert "redis://:***@127.0.0.1:1/0 does not answer" in str(result.exception)
    assert "\n" not in str(result.exception)


def test_a_server_that_is_too_old_is_rejected(invoke: Invoke, homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transport.server.OLDEST", (99, 0))
    assert isinstance(invoke(homes).exception, ServerError)


def test_it_shows_why_it_waits(
    invoke: Invoke, redis_client: redis.Redis, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASADOR_HIGH_WATER", "3")
    redis_client.xadd(streams.listings, {"data": "{}"})
    redis_client.xadd(streams.listings, {"data": "{}"})
    redis_client.xadd(streams.listings, {"data": "{}"})
    shown: list[str] = []

    def delete_listings(progress: object, task: object, *, description: str, **fields: object) -> None:
        shown.append(description)
        redis_client.delete(streams.listings)

    monkeypatch.setattr("rich.progress.Progress.update", delete_listings)
    assert invoke("--sample", 1).exit_code == 0
    assert shown == ["Waiting, backlog 3, high-water mark 3", "Publishing"]


def test_receipts_are_the_ids_of_the_published_entries(
    invoke: Invoke, redis_client: redis.Redis, streams: Streams, tmp_path: Path
) -> None:
    file = tmp_path / "receipts"
    assert invoke("--sample", 20, "--receipts", file).exit_code == 0
    assert file.read_text().split() == [entry_id for entry_id, _ in read_entries(redis_client, streams)]
    result = invoke("--sample", 1, "--receipts", tmp_path)
    assert isinstance(result.exception, DataError)
    assert "cannot be written: Is a directory" in str(result.exception)
