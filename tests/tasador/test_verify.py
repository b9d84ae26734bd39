"""`tasador verify`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import redis

from schemas.errors import DataError
from schemas.streams import SCORERS, Streams
from tasador.cli.commands.verify import verify
from tests.faults.domain_run import activate
from tests.monitoring.archive.archive_fixture import ArchiveFixture
from tests.monitoring.archive.conftest import archive
from tests.operations.answers import deliver, predict, publish
from tests.tasador.command import Runner, runner_of, use_redis
from transport.clock import now_ms

__all__ = ["archive"]


@pytest.fixture
def command(redis_url: str, streams: Streams, redis_client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Runner:
    """The command on the test's keys, with an active model."""
    use_redis(monkeypatch, redis_url, streams.prefix)
    activate(redis_client, streams, 7)
    redis_client.xgroup_create(streams.listings, SCORERS, "0", mkstream=True)
    return runner_of(verify)


@pytest.fixture
def answered(command: Runner, redis_client: redis.Redis, streams: Streams) -> list[str]:
    """Three listings with a prediction each, of a past activation."""
    redis_client.xadd(streams.model_events, {"data": json.dumps({"type": "other", "data": {}})})
    redis_client.hset(streams.model, mapping={"activation": "1-0", "version": "7"})
    ids = publish(redis_client, streams, 3)
    deliver(redis_client, streams, 3)
    for entry in ids:
        predict(redis_client, streams, entry)
    return ids


def test_a_correct_stream_is_ok(command: Runner, answered: list[str]) -> None:
    output = command.text()
    assert output.startswith("3 listings: 3 prediction; 0 waiting\n")
    assert f"in stream   listings from {answered[0]} to {answered[-1]}" in output
    assert output.endswith("\nok\n")


def test_a_lost_entry_is_a_named_problem(
    command: Runner, answered: list[str], redis_client: redis.Redis, streams: Streams
) -> None:
    lost = publish(redis_client, streams, 1)
    deliver(redis_client, streams, 1)
    redis_client.xack(streams.listings, SCORERS, lost[0])
    result = command.run()
    assert result.exit_code == 1
    assert f"lost        {lost[0]}  has no outcome" in result.stdout
    assert result.stdout.endswith("not ok: 1 lost\n")
    assert command.run("--until", answered[-1]).exit_code == 0
    assert command.run("--since", lost[0]).exit_code == 1
    assert command.run("--since", "10min").exit_code == 1
    document = json.loads(command.run("--json").stdout)
    assert (document["is_fine"], document["problem_counts"]) == (False, {"lost": 1})
    assert [problem["entry"] for problem in document["problems"]] == lost


async def test_with_the_archive_a_row_that_the_log_lacks_is_a_named_problem(
    command: Runner, answered: list[str], archive: ArchiveFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASADOR_HOME", str(archive.settings.home))
    with pytest.raises(DataError, match="the audit log is empty"):
        command.run("--archive")
    await archive.archiver().run_once(now_ms(archive.client) + 3_600_000)
    assert "audit log   3 predictions and 0 outcomes compared with the streams" in command.text("--archive")
    assert command.json("--archive")["log"]["predictions"] == len(answered)
    assert command.json()["log"] is None
    (file,) = archive.folder.files("predictions")
    file.write(file.read().slice(1))
    result = command.run("--archive")
    assert (result.exit_code, result.stdout.endswith("not ok: 1 not logged\n")) == (1, True)


def test_receipts_from_a_file_and_from_stdin(command: Runner, answered: list[str], tmp_path: Path) -> None:
    file = tmp_path / "receipts.jsonl"
    file.write_text("".join(json.dumps({"entry": entry, "id": "l"}) + "\n" for entry in answered[:2]))
    assert command.json("--ids", str(file))["verdict"]["entries"] == 2
    result = command.run("--ids", "-", stdin=f"{answered[0]}\n999-0\n")
    assert result.exit_code == 1
    assert "lost        999-0" in result.stdout


def test_a_waiting_listing_fails_only_with_complete(
    command: Runner, answered: list[str], redis_client: redis.Redis, streams: Streams
) -> None:
    publish(redis_client, streams, 1)
    assert command.text().startswith(f"{len(answered) + 1} listings: 3 prediction; 1 waiting")
    assert command.run("--complete").exit_code == 1


def test_an_entry_pending_for_too_long_is_a_problem(
    command: Runner, redis_client: redis.Redis, streams: Streams
) -> None:
    (entry,) = publish(redis_client, streams, 1)
    deliver(redis_client, streams, 1)
    begin = now_ms(redis_client)
    while now_ms(redis_client) < begin + 30:
        pass
    result = command.run("--max-pending", "0.01")
    assert result.exit_code == 1
    assert f"late        {entry}  pending for at least " in result.stdout
    assert " s, 0.01 s are allowed" in result.stdout
    assert command.run("--max-pending", "60").exit_code == 0


def test_trimmed_listings_are_reported_as_unchecked(
    command: Runner, answered: list[str], redis_client: redis.Redis, streams: Streams
) -> None:
    redis_client.xtrim(streams.listings, maxlen=1, approximate=False)
    redis_client.hset(streams.progress, "trimmed", 2)
    output = command.text()
    assert "unchecked   2 older listings, which are trimmed" in output
    assert f"in stream   listings from {answered[-1]} to {answered[-1]}" in output


def test_invalid_arguments(command: Runner, tmp_path: Path) -> None:
    assert command.run("--ids", "x", "--since", "1h").exit_code == 2
    with pytest.raises(DataError, match="cannot be read: No such file"):
        command.run("--ids", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match="is no moment"):
        command.run("--since", "yesterday")
