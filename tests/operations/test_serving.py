"""Champion, desired version and active versions, side by side."""

from __future__ import annotations

import redis

from operations.serving import Serving, read_serving
from schemas.streams import Streams
from tests.operations.answers import activate, beat


def test_a_reloaded_version_is_told_apart_from_the_champion(redis_client: redis.Redis, streams: Streams) -> None:
    redis_client.hset(streams.worker_state, "champion", "1")
    activate(redis_client, streams, version="2")
    beat(redis_client, streams, "a1", version="2")
    beat(redis_client, streams, "a2", version="1")
    beat(redis_client, streams, "gone", version="9", silent_s=40)
    serving = read_serving(redis_client, streams)
    assert serving == Serving(champion="1", desired="2", active={"1": 1, "2": 1})
    assert not serving.is_one
    assert str(serving) == "champion 1, desired 2, active 1, 2"
    assert serving.roles_of("2") == ("desired", "active in 1 consumer")


def test_one_version_that_is_all_of_them_is_one(redis_client: redis.Redis, streams: Streams) -> None:
    assert read_serving(redis_client, streams).is_one, "nothing is activated"
    redis_client.hset(streams.worker_state, "champion", "7")
    activate(redis_client, streams, version="7")
    beat(redis_client, streams, "a1", version="7")
    assert read_serving(redis_client, streams).is_one
