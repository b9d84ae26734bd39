"""Dead letters of several shards are one list, and a replay goes to the shard of its listing's key."""

from __future__ import annotations

import json
import time

import pytest
import redis

from operations.dead_letters import DeadLetters
from schemas.decoding import payload_of
from schemas.errors import DeadLetterError
from schemas.events import Resolution
from schemas.shards import entry_name, shard_of, split_entry
from schemas.streams import Streams
from tests.operations.answers import refuse
from tests.sharding import set_shards
from transport.entries import EntryId
from transport.reading import scan


@pytest.fixture
def shards(redis_client: redis.Redis, streams: Streams) -> tuple[Streams, ...]:
    return set_shards(redis_client, streams, 3)


@pytest.fixture
def letters(redis_client: redis.Redis, streams: Streams) -> DeadLetters:
    return DeadLetters(redis_client, streams)


def payload_for(shard: int, count: int = 3) -> bytes:
    """An event whose shard is known."""
    payloads = (json.dumps({"id": f"l-{number}"}).encode() for number in range(1000))
    return next(each for each in payloads if shard_of(each, count) == shard)


def resolutions(client: redis.Redis, shard: Streams) -> list[Resolution]:
    return [Resolution.model_validate_json(payload_of(fields)) for _, fields in scan(client, shard.resolutions)]


def test_letters_of_all_shards_are_listed_in_the_order_of_their_time(
    letters: DeadLetters, redis_client: redis.Redis, shards: tuple[Streams, ...]
) -> None:
    names = []
    for number in range(7):
        shard = shards[number % 3]
        names.append(entry_name(shard.shard, refuse(redis_client, shard, f"{number}-0")))
        time.sleep(0.002)  # entry ids of two shards must differ
    assert [letter.entry_id for letter in letters.select()] == names
    assert [letter.entry_id for letter in letters.newest()] == names[::-1]
    assert letters.read(names[2]).event.id == "2-0"
    since = str(EntryId.of_name(names[3]))
    assert [letter.entry_id for letter in letters.select(since=since)] == names[3:]


def test_a_replay_within_its_shard_happens_at_once_and_is_recorded_there(
    letters: DeadLetters, redis_client: redis.Redis, shards: tuple[Streams, ...]
) -> None:
    payload = payload_for(2)
    name = entry_name(2, refuse(redis_client, shards[2], "1-0", payload))
    new = letters.replay(name, "ops")
    shard, entry_id = split_entry(new)
    assert (shard, redis_client.xrange(shards[2].listings)) == (2, [(entry_id.encode(), {b"data": payload})])
    (resolution,) = resolutions(redis_client, shards[2])
    assert (resolution.data.dead_letter, resolution.data.entry) == (name, new)
    with pytest.raises(DeadLetterError, match=f"no dead letter {name}: it was replayed"):
        letters.replay(name, "ops")


def test_a_replay_goes_to_the_shard_of_its_key_wherever_the_letter_is(
    letters: DeadLetters, redis_client: redis.Redis, shards: tuple[Streams, ...]
) -> None:
    payload = payload_for(1)
    name = entry_name(2, refuse(redis_client, shards[2], "1-0", payload))
    new = letters.replay(name, "ops")
    assert split_entry(new)[0] == 1
    assert [fields for _, fields in scan(redis_client, shards[1].listings)] == [{b"data": payload}]
    assert not redis_client.xlen(shards[2].listings)
    assert not redis_client.xlen(shards[2].dead_letters)
    (resolution,) = resolutions(redis_client, shards[2])
    assert (resolution.data.dead_letter, resolution.data.entry) == (name, new)


def test_nothing_is_replayed_while_the_number_of_shards_is_being_changed(
    letters: DeadLetters, redis_client: redis.Redis, streams: Streams, shards: tuple[Streams, ...]
) -> None:
    name = entry_name(1, refuse(redis_client, shards[1], "1-0", payload_for(1)))
    redis_client.set(streams.shards_hold, "ops")
    with pytest.raises(DeadLetterError, match="the number of shards is being changed"):
        letters.replay(name, "ops")
    redis_client.delete(streams.shards_hold)
    assert letters.replay(name, "ops")


def test_a_letter_of_another_shard_with_the_same_id_stays(
    letters: DeadLetters, redis_client: redis.Redis, shards: tuple[Streams, ...]
) -> None:
    entry_id = refuse(redis_client, shards[0], "1-0")
    ((_, fields),) = scan(redis_client, shards[0].dead_letters)
    redis_client.xadd(shards[1].dead_letters, {"data": fields[b"data"]}, id=entry_id)
    letters.drop(f"{entry_id}@1", "ops")
    assert not redis_client.xlen(shards[1].dead_letters)
    assert redis_client.xlen(shards[0].dead_letters) == 1
    (resolution,) = resolutions(redis_client, shards[1])
    assert resolution.data.dead_letter == f"{entry_id}@1"


@pytest.mark.parametrize("name", ["1-0@x", "nonsense@1"])
def test_a_name_that_is_no_entry_is_refused(letters: DeadLetters, shards: tuple[Streams, ...], name: str) -> None:
    with pytest.raises(DeadLetterError, match="is not an entry id"):
        letters.read(name)
