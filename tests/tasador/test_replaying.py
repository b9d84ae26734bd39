"""`tasador dead-letters replay`: selection, correction, and atomic replays."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from consumer.answer_encoder import AnswerEncoder
from schemas.decoding import payload_of
from schemas.domain import load_domain
from schemas.errors import ConfigurationError, DataError, DeadLetterError, FieldError, RefusedListingError
from schemas.streams import Streams
from tasador.cli.commands.dead_letters import app
from tasador.cli.dead_letters.replaying import Replayer
from tests.consumer.harness import ROW
from tests.tasador.command import Runner, use_redis
from tests.waiting import wait_until
from transport.reading import scan

COMMAND = Runner(app)
ROOT = Path(__file__).parents[2]
ENCODER = AnswerEncoder(load_domain("housing"), max_payload_bytes=65_536)


@pytest.fixture(autouse=True)
def _use_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    use_redis(monkeypatch, redis_url, prefix)


def _refuse(
    client: redis.Redis,
    key: str,
    event: Any,
    reason: str = "out_of_range",
    entry_id: str = "*",
) -> str:
    """Add a dead letter as a consumer writes it."""
    payload = event if isinstance(event, bytes) else json.dumps(event).encode()
    name, source = (event["id"], event.get("source", "")) if isinstance(event, dict) else (None, "")
    refused = RefusedListingError(reason, (FieldError("RM", "is wrong"),), name, source)
    letter = ENCODER.dead_letter("1-0", "2026-11-20T12:00:00Z", refused, payload, 1, "a1")
    written: Any = client.xadd(key, {"data": letter}, id=entry_id)
    return str(written.decode())


def _event(name: str, source: str = "", **values: Any) -> dict[str, Any]:
    return {"id": name, "source": source, "data": ROW | values}


def _published(client: redis.Redis, streams: Streams) -> Iterator[dict[str, Any]]:
    return (json.loads(payload_of(fields)) for _, fields in scan(client, streams.listings))


def _names(client: redis.Redis, streams: Streams) -> list[str]:
    return [event["id"] for event in _published(client, streams)]


def test_dead_letters_are_selected_by_reason_and_source(redis_client: redis.Redis, streams: Streams) -> None:
    for name, reason, source in [("a", "poison", "/x"), ("b", "poison", "/y"), ("c", "out_of_range", "/x")]:
        _refuse(redis_client, streams.dead_letters, _event(name, source), reason)
    COMMAND.text("replay", "--reason", "poison", "--source", "/x")
    assert _names(redis_client, streams) == ["a"]
    COMMAND.text("replay", "--source", "/x")
    COMMAND.text("replay", "--reason", "poison")
    assert _names(redis_client, streams) == ["a", "c", "b"]
    assert "no dead letters" in COMMAND.run("replay", "--reason", "poison").stderr


def test_dead_letters_are_selected_by_time(redis_client: redis.Redis, streams: Streams) -> None:
    for hour in (10, 11, 12):
        _refuse(
            redis_client, streams.dead_letters, _event(f"at {hour}"), entry_id=f"{1795168800000 + hour * 3600000}-5"
        )
    COMMAND.text("replay", "--since", "2026-11-20T20:30:00+00:00", "--until", "2026-11-20T21:00:00+00:00")
    assert _names(redis_client, streams) == ["at 11"]
    _refuse(redis_client, streams.dead_letters, _event("now"))
    COMMAND.text("replay", "--since", "30min")
    assert _names(redis_client, streams) == ["at 11", "now"]
    with pytest.raises(DataError, match="'yesterday' is no moment"):
        COMMAND.run("replay", "--since", "yesterday")


def test_a_listing_refused_during_the_replay_is_not_replayed(
    redis_client: redis.Redis, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay = Replayer.replay

    def and_refuse(self: Replayer, entry_id: str) -> str | None:
        _refuse(redis_client, streams.dead_letters, _event("again"), "poison")
        return replay(self, entry_id)

    monkeypatch.setattr(Replayer, "replay", and_refuse)
    for name in "abc":
        _refuse(redis_client, streams.dead_letters, _event(name), "poison")
    COMMAND.text("replay", "--reason", "poison")
    assert _names(redis_client, streams) == ["a", "b", "c"]
    assert redis_client.xlen(streams.dead_letters) == 3


def test_a_correction_is_typed_by_the_domain_and_published(redis_client: redis.Redis, streams: Streams) -> None:
    entry_id = _refuse(redis_client, streams.dead_letters, _event("a", RM=99, POOL=1))
    other = _refuse(redis_client, streams.dead_letters, _event("b", RM=99))
    corrections = ("--set", "RM=6.5", "--set", "CHAS=1", "--set", "AGE=NA", "--set", "source=/mended")
    with pytest.raises(DeadLetterError, match="1 of 2 could not be replayed"):
        COMMAND.run("replay", entry_id, other, *corrections)
    (event,) = _published(redis_client, streams)
    assert (event["id"], event["source"]) == ("b", "/mended")
    assert event["data"] == ROW | {"RM": 6.5, "CHAS": 1, "AGE": None}
    assert type(event["data"]["CHAS"]) is int
    # POOL is not a feature, so the corrected listing is still invalid and stays
    assert [each["entry_id"] for each in COMMAND.json("list")] == [entry_id]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("RM", "--set RM: write FIELD=VALUE"),
        ("POOL=1", "unknown field 'POOL'; known fields are CRIM, ZN"),
        ("RM=big", "RM=big: must be a number"),
        ("RM=", "RM=: must not be missing"),
    ],
)
def test_an_invalid_correction_is_an_error_that_names_it(
    redis_client: redis.Redis, streams: Streams, given: str, message: str
) -> None:
    entry_id = _refuse(redis_client, streams.dead_letters, _event("a", RM=99))
    with pytest.raises(ConfigurationError, match=message):
        COMMAND.run("replay", entry_id, "--set", given)


def test_a_payload_that_is_not_an_event_cannot_be_corrected(
    redis_client: redis.Redis, streams: Streams, capsys: pytest.CaptureFixture[str]
) -> None:
    for payload in (b"{", b"[1]", b'{"data": 3}'):
        _refuse(redis_client, streams.dead_letters, payload, "not_an_event")
    with pytest.raises(DeadLetterError, match="3 of 3 could not be replayed"):
        COMMAND.run("replay", "--reason", "not_an_event", "--set", "RM=6.5")
    assert redis_client.xlen(streams.dead_letters) == 3


def test_a_dry_run_changes_nothing(redis_client: redis.Redis, streams: Streams) -> None:
    good = _refuse(redis_client, streams.dead_letters, _event("a", RM=99))
    assert COMMAND.text("replay", good, "--set", "RM=6.5", "--dry-run") == f"replayable {good}\n"
    with pytest.raises(DeadLetterError, match="1 of 1 are not replayable"):
        COMMAND.run("replay", good, "--set", "TAX=9", "--dry-run")
    assert redis_client.xlen(streams.dead_letters) == 1
    assert not redis_client.exists(streams.listings)


def test_rate_limited_listings_are_replayed_from_their_own_stream(redis_client: redis.Redis, streams: Streams) -> None:
    _refuse(redis_client, streams.rate_limited, _event("fast", "/x"), "rate_limited")
    _refuse(redis_client, streams.dead_letters, _event("other", "/x"))
    COMMAND.text("replay", "--reason", "rate_limited")
    assert _names(redis_client, streams) == ["fast"]
    assert redis_client.xlen(streams.rate_limited) == 0


def test_ids_and_filters_exclude_each_other() -> None:
    assert COMMAND.run("replay").exit_code == 2
    assert COMMAND.run("replay", "1-0", "--reason", "poison").exit_code == 2


def test_a_killed_replay_neither_loses_nor_doubles(redis_client: redis.Redis, streams: Streams) -> None:
    names = [f"l-{number}" for number in range(2000)]
    for name in names:
        _refuse(redis_client, streams.dead_letters, _event(name, RM=99))
    program = "import sys; from tasador.cli.commands.dead_letters import app; app()"
    command = [sys.executable, "-c", program, "replay", "--reason", "out_of_range", "--set", "RM=6.5"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: redis_client.xlen(streams.listings) > 100, message="some are replayed")
        process.kill()
    published = _names(redis_client, streams)
    left = [letter["data"]["listing_id"] for letter in COMMAND.json("list", "-n", "2000")]
    assert 100 < len(published) < 2000, "it was killed in the middle"
    assert sorted(published + left) == sorted(names)
    COMMAND.text("replay", "--reason", "out_of_range", "--set", "RM=6.5")
    assert sorted(_names(redis_client, streams)) == sorted(names)
    assert redis_client.xlen(streams.dead_letters) == 0
