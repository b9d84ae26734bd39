from __future__ import annotations

import pytest
import redis

from schemas.errors import DeadLetterError
from schemas.streams import Streams
from tasador.cli.commands.dead_letters import app
from tests.operations.answers import refuse
from tests.tasador.command import Runner, use_redis
from transport.reading import scan

COMMAND = Runner(app)


@pytest.fixture(autouse=True)
def _use_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    use_redis(monkeypatch, redis_url, prefix)


def test_list_filters_by_reason_and_count(redis_client: redis.Redis, streams: Streams) -> None:
    ids = [
        refuse(redis_client, streams, f"{number}-0", reason=reason)
        for number, reason in enumerate(("poison", "not_json", "poison"), 1)
    ]
    assert [line.split()[0] for line in COMMAND.text("list").splitlines()[1:]] == ids[::-1]
    assert [each["entry_id"] for each in COMMAND.json("list", "--reason", "poison")] == [ids[2], ids[0]]
    assert [each["entry_id"] for each in COMMAND.json("list", "-n", "1")] == [ids[2]]


def test_list_of_no_dead_letters() -> None:
    assert COMMAND.text("list") == "no dead letters\n"
    assert COMMAND.json("list") == []


def test_show_prints_everything_about_a_dead_letter(redis_client: redis.Redis, streams: Streams) -> None:
    entry_id = refuse(redis_client, streams, "1-0", b'{"id": "[red]\x1b[31m"}')
    output = COMMAND.text("show", entry_id)
    for part in (entry_id, "l-2", "not_json", "RM: must be a number", "20 bytes", "[red]", r"\x1b"):
        assert part in output
    assert "\x1b" not in output
    assert COMMAND.json("show", entry_id)["data"]["delivery_count"] == 1


def test_show_marks_a_missing_payload(redis_client: redis.Redis, streams: Streams) -> None:
    assert "(gone)" in COMMAND.text("show", refuse(redis_client, streams, "1-0", None, "payload_gone"))


def test_replay_prints_the_entry_id_of_each_new_listing(redis_client: redis.Redis, streams: Streams) -> None:
    ids = [refuse(redis_client, streams, f"{number}-0") for number in (1, 2)]
    output = COMMAND.text("replay", *ids).splitlines()
    published = [entry_id.decode() for entry_id, _ in scan(redis_client, streams.listings)]
    assert output == [f"replayed {old} as listing {new}" for old, new in zip(ids, published, strict=True)]
    assert COMMAND.text("list") == "no dead letters\n"


def test_a_failed_replay_does_not_stop_the_others(
    redis_client: redis.Redis, streams: Streams, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = refuse(redis_client, streams, "1-0", None, "payload_gone")
    whole = refuse(redis_client, streams, "2-0")
    with pytest.raises(DeadLetterError, match="1 of 2 could not be replayed"):
        COMMAND.run("replay", gone, whole, "--json")
    assert redis_client.xlen(streams.listings) == 1
    assert redis_client.xlen(streams.dead_letters) == 1


def test_drop_asks_for_confirmation(redis_client: redis.Redis, streams: Streams) -> None:
    ids = [refuse(redis_client, streams, f"{number}-0") for number in (1, 2)]
    refused = COMMAND.run("drop", *ids, stdin="n\n")
    assert refused.exit_code == 1
    assert "Drop 2 dead letters for good?" in refused.output
    assert redis_client.xlen(streams.dead_letters) == 2
    assert COMMAND.run("drop", ids[0], stdin="y\n").exit_code == 0
    assert COMMAND.json("drop", ids[1], "--yes") == {"entry_id": ids[1], "dropped": True, "listing": None}
    assert redis_client.xlen(streams.dead_letters) == 0


def test_rate_limited_dead_letters_have_a_stream_of_their_own(redis_client: redis.Redis, streams: Streams) -> None:
    letters = [refuse(redis_client, streams, f"{number}-0", reason="rate_limited") for number in (1, 2)]
    redis_client.rename(streams.dead_letters, streams.rate_limited)
    assert COMMAND.text("list") == "no dead letters\n"
    for options in (["--rate-limited"], ["--reason", "rate_limited"]):
        assert [each["entry_id"] for each in COMMAND.json("list", *options)] == letters[::-1]
    assert "rate_limited" in COMMAND.text("show", letters[0], "--rate-limited")
    assert COMMAND.text("replay", letters[0], "--rate-limited").startswith(f"replayed {letters[0]} as listing ")
    assert COMMAND.text("drop", letters[1], "--rate-limited", "--yes") == f"dropped {letters[1]}\n"
    assert redis_client.xlen(streams.rate_limited) == 0


def test_an_unknown_dead_letter_is_an_error_that_names_it() -> None:
    with pytest.raises(DeadLetterError, match="no dead letter 1-0"):
        COMMAND.run("show", "1-0")
