from __future__ import annotations

import pytest
import redis
import redis.exceptions

from operations.dead_letters import DeadLetters
from schemas.decoding import payload_of
from schemas.errors import DeadLetterError
from schemas.events import Resolution
from schemas.refusals import Reason
from schemas.streams import Streams
from tests.operations.answers import refuse
from transport.reading import scan

NOT_UTF8 = b'{"id": "\xff"}'


@pytest.fixture
def letters(redis_client: redis.Redis, streams: Streams) -> DeadLetters:
    return DeadLetters(redis_client, streams)


@pytest.mark.parametrize("payload", [b'{"id": "l-1"}', b"", NOT_UTF8, "{'é".encode()])
def test_a_replayed_payload_is_published_as_it_came(
    letters: DeadLetters, redis_client: redis.Redis, streams: Streams, payload: bytes
) -> None:
    entry_id = refuse(redis_client, streams, "1-0", payload)
    new_entry = letters.replay(entry_id, "ops")
    assert redis_client.xrange(streams.listings) == [(new_entry.encode(), {b"data": payload})]
    assert redis_client.xlen(streams.dead_letters) == 0


def test_a_replay_records_its_actor(letters: DeadLetters, redis_client: redis.Redis, streams: Streams) -> None:
    entry_id = refuse(redis_client, streams, "1-0")
    new_entry = letters.replay(entry_id, "ops")
    ((_, fields),) = scan(redis_client, streams.resolutions)
    resolution = Resolution.model_validate_json(payload_of(fields))
    assert (resolution.id, resolution.type, resolution.data.dead_letter) == ("1-0", "listing.replayed", entry_id)
    assert (resolution.data.entry, resolution.data.actor) == (new_entry, "ops")


def test_a_dead_letter_is_replayed_once(letters: DeadLetters, redis_client: redis.Redis, streams: Streams) -> None:
    entry_id = refuse(redis_client, streams, "1-0")
    letters.replay(entry_id, "ops")
    with pytest.raises(DeadLetterError, match=f"no dead letter {entry_id}: it was replayed"):
        letters.replay(entry_id, "ops")
    assert redis_client.xlen(streams.listings) == 1


def test_two_operators_at_once_replay_once(
    letters: DeadLetters, redis_client: redis.Redis, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry_id = refuse(redis_client, streams, "1-0")
    read = letters.read(entry_id)
    DeadLetters(redis_client, streams).replay(entry_id, "the other")
    monkeypatch.setattr(letters, "read", lambda _: read)
    with pytest.raises(DeadLetterError, match="it was resolved or trimmed meanwhile"):
        letters.replay(entry_id, "ops")
    assert redis_client.xlen(streams.listings) == 1


@pytest.mark.parametrize(
    ("payload", "reason", "message"),
    [
        (b"x" * 101, "too_large", "only 100 of 101 bytes"),
        (NOT_UTF8 * 20, "not_json", "only 100 of 220 bytes"),
        (None, "payload_gone", "its payload was not kept"),
        (b'{"name": "value"}', "foreign_entry", "its entry held no event"),
    ],
)
def test_a_payload_that_was_not_kept_in_full_is_not_replayed(
    letters: DeadLetters,
    redis_client: redis.Redis,
    streams: Streams,
    payload: bytes | None,
    reason: str,
    message: str,
) -> None:
    entry_id = refuse(redis_client, streams, "1-0", payload, reason)
    with pytest.raises(DeadLetterError, match=f"dead letter {entry_id} cannot be replayed: {message}"):
        letters.replay(entry_id, "ops")
    assert redis_client.xlen(streams.dead_letters) == 1
    assert redis_client.exists(streams.listings, streams.resolutions) == 0


def test_a_dropped_dead_letter_is_deleted_and_recorded(
    letters: DeadLetters, redis_client: redis.Redis, streams: Streams
) -> None:
    letters.drop(refuse(redis_client, streams, "1-0"), "ops")
    assert redis_client.xlen(streams.dead_letters) == 0
    assert redis_client.xlen(streams.resolutions) == 1
    assert not redis_client.exists(streams.listings)


@pytest.mark.parametrize("forbidden", ["xadd", "xdel"])
def test_a_replay_that_may_not_be_finished_changes_nothing(
    redis_client: redis.Redis, streams: Streams, prefix: str, redis_url: str, forbidden: str
) -> None:
    entry_id = refuse(redis_client, streams, "1-0")
    redis_client.acl_setuser(
        prefix, enabled=True, reset=True, passwords=["+secret"], keys=["*"], commands=["+@all", f"-{forbidden}"]
    )
    try:
        limited = redis.Redis.from_url(redis_url, username=prefix, password="secret", protocol=2)
        with limited, pytest.raises(redis.exceptions.RedisError):
            DeadLetters(limited, streams).replay(entry_id, "ops")
    finally:
        redis_client.acl_deluser(prefix)
    assert redis_client.xlen(streams.dead_letters) == 1
    assert redis_client.xlen(streams.listings) == 0


def test_a_replay_whose_resolution_cannot_be_written_changes_nothing(
    letters: DeadLetters, redis_client: redis.Redis, streams: Streams
) -> None:
    entry_id = refuse(redis_client, streams, "1-0")
    redis_client.xadd(streams.resolutions, {"data": "{}"}, id=f"{2**64 - 1}-{2**64 - 1}")
    with pytest.raises(redis.exceptions.ResponseError):
        letters.replay(entry_id, "ops")
    assert redis_client.xlen(streams.dead_letters) == 1
    assert redis_client.xlen(streams.listings) == 0


def test_letters_come_newest_first_and_by_reason(
    letters: DeadLetters, redis_client: redis.Redis, streams: Streams
) -> None:
    first = refuse(redis_client, streams, "1-0", reason="poison")
    second = refuse(redis_client, streams, "2-0", reason="not_json")
    third = refuse(redis_client, streams, "3-0", reason="poison")
    assert [letter.entry_id for letter in letters.newest()] == [third, second, first]
    assert [letter.entry_id for letter in letters.newest(Reason.POISON)] == [third, first]


def test_an_invalid_entry_id_raises(letters: DeadLetters) -> None:
    with pytest.raises(DeadLetterError, match="'l-1' is not an entry id"):
        letters.read("l-1")
