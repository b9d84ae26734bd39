"""`tasador tail` shows all shards as one stream, and a file of it goes on in each shard where it was."""

from __future__ import annotations

import json
import threading
import time
from itertools import islice
from pathlib import Path

import pytest
import redis

from schemas.commands import ModelEvent
from schemas.streams import Streams
from tasador.cli.commands.tail import tail
from tests.operations.answers import predict
from tests.sharding import set_shards
from tests.tasador.command import runner_of, use_redis
from transport.sharded_reading import follow_shards
from transport.watched_shards import WatchedShards

COMMAND = runner_of(tail)


@pytest.fixture(autouse=True)
def _use_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    use_redis(monkeypatch, redis_url, prefix)


def predict_in(client: redis.Redis, shard: Streams, number: int) -> None:
    predict(client, shard, f"{number}-0", listing_id=f"l-{number}")
    time.sleep(0.002)  # entry ids of two shards must differ


def shown(*arguments: str) -> list[str]:
    return [line.split()[2] for line in COMMAND.text("predictions", "--no-follow", *arguments).splitlines()]


def test_the_newest_entries_of_all_shards_are_shown_in_order(redis_client: redis.Redis, streams: Streams) -> None:
    shards = set_shards(redis_client, streams, 3)
    for number in range(12):
        predict_in(redis_client, shards[number % 3], number)
    assert shown() == [f"l-{number}" for number in range(2, 12)]
    assert shown("--from-start") == [f"l-{number}" for number in range(12)]
    names = [line.split()[1] for line in COMMAND.text("predictions", "--no-follow", "-n", "3").splitlines()]
    assert [name.partition("@")[2] for name in names] == ["", "1", "2"]
    event = ModelEvent.of("t", "model.activated", version="2")
    redis_client.xadd(streams.model_events, {"data": event.model_dump_json()})
    assert len(COMMAND.text("model-events", "--no-follow").splitlines()) == 1, "they belong to no shard"


def test_a_file_is_continued_in_every_shard(redis_client: redis.Redis, streams: Streams, tmp_path: Path) -> None:
    shards = set_shards(redis_client, streams, 3)
    file = tmp_path / "predictions.jsonl"

    def listed() -> list[str]:
        COMMAND.text("predictions", "--no-follow", "-n", "4", "--out", str(file))
        return [json.loads(line)["data"]["listing_id"] for line in file.read_text().splitlines()]

    for number in range(6):
        predict_in(redis_client, shards[number % 2], number)
    assert listed() == [f"l-{number}" for number in range(2, 6)]
    for number in range(6, 20):
        predict_in(redis_client, shards[(2, 0, 2, 1)[number % 4]], number)
    assert listed() == [f"l-{number}" for number in range(2, 20)]
    assert listed() == [f"l-{number}" for number in range(2, 20)]


def test_following_finds_new_entries_and_new_shards(redis_client: redis.Redis, streams: Streams) -> None:
    watched = WatchedShards(redis_client, streams)
    predict_in(redis_client, streams, 1)
    entries = follow_shards(redis_client, watched.read, lambda shard: shard.predictions, {})
    assert next(entries).shard == 0

    def write_more() -> None:
        shards = set_shards(redis_client, streams, 3)
        predict_in(redis_client, shards[2], 2)
        predict_in(redis_client, shards[0], 3)

    thread = threading.Thread(target=write_more)
    thread.start()
    assert sorted(entry.shard for entry in islice(entries, 2)) == [0, 2]
    thread.join()
