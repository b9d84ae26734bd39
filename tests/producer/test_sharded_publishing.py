"""Publishing to several shards: each listing goes to its own, and publishers follow a change of their number."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from producer import AsyncListingPublisher, ListingPublisher
from producer.answer_store import AnswerStore
from producer.routing import LEASE_S, ShardRouter, join_parts
from schemas.errors import BacklogFullError, PublishError, PublishInterruptedError
from schemas.settings import Settings
from schemas.shards import ShardLayout, entry_name, shard_of, split_entry
from schemas.streams import Streams
from tasador.cli.commands import publish as command_of_publishing
from tests.consumer.harness import Client
from tests.producer.conftest import OpenPublisher
from tests.producer.stream import read_entries
from tests.tasador.command import runner_of, use_redis
from tests.waiting import wait_until

PAYLOADS = [
    json.dumps({"source": "crm", "id": f"l-{n}"} | ({"subject": f"house-{n % 7}"} if n % 2 else {})).encode()
    for n in range(2500)
]
Publish = Callable[[Settings, Sequence[bytes]], list[str]]


def in_thread(settings: Settings, payloads: Sequence[bytes]) -> list[str]:
    with ListingPublisher(settings) as publisher:
        return publisher.publish_many(payloads)


def in_task(settings: Settings, payloads: Sequence[bytes]) -> list[str]:
    async def call() -> list[str]:
        async with AsyncListingPublisher(settings) as publisher:
            return await publisher.publish_many(payloads)

    return asyncio.run(call())


EITHER = pytest.mark.parametrize("publish", [in_thread, in_task])


def set_shards(client: Client, streams: Streams, count: int, read: int | None = None) -> tuple[Streams, ...]:
    layout = ShardLayout(count=count, read=read or count, epoch=1)
    client.hset(streams.shards, mapping=layout.model_dump())
    return layout.streams(streams)


def published(client: Client, shards: Sequence[Streams]) -> dict[str, bytes]:
    """The payload of each entry, by its name."""
    return {
        entry_name(shard.shard, entry_id): payload
        for shard in shards
        for entry_id, payload in read_entries(client, shard)
    }


@EITHER
def test_each_listing_goes_to_its_shard_and_its_entry_names_it(
    publish: Publish, settings: Settings, redis_client: Client, streams: Streams
) -> None:
    shards = set_shards(redis_client, streams, 3)
    entries = publish(settings, PAYLOADS)
    assert published(redis_client, shards) == dict(zip(entries, PAYLOADS, strict=True))
    assert [split_entry(entry)[0] for entry in entries] == [shard_of(payload, 3) for payload in PAYLOADS]
    for shard in shards:
        own = [payload for payload in PAYLOADS if shard_of(payload, 3) == shard.shard]
        assert [payload for _, payload in read_entries(redis_client, shard)] == own, "in the order of publishing"


@EITHER
def test_without_a_layout_all_listings_go_to_one_shard(
    publish: Publish, settings: Settings, redis_client: Client, streams: Streams
) -> None:
    publish(settings.model_copy(update={"shards": 4}), PAYLOADS[:10])
    assert len(read_entries(redis_client, streams)) == 10


def test_a_publisher_waits_while_the_shards_are_changed_and_then_follows(
    settings: Settings, redis_client: Client, streams: Streams
) -> None:
    waits: list[int] = []
    with ListingPublisher(settings, on_wait=waits.append) as publisher:
        assert publisher.publish(PAYLOADS[0]) == read_entries(redis_client, streams)[0][0]
        redis_client.set(streams.shards_hold, "a")
        # what was read before counts for a while
        wait_until(lambda: publisher._plan.router.is_due(time.monotonic()), 3 * LEASE_S)
        entries: list[str] = []
        thread = threading.Thread(target=lambda: entries.extend(publisher.publish_many(PAYLOADS)))
        thread.start()
        wait_until(lambda: waits)
        assert len(read_entries(redis_client, streams)) == 1
        shards = set_shards(redis_client, streams, 2)
        redis_client.delete(streams.shards_hold)
        thread.join()
    assert [split_entry(entry)[0] for entry in entries] == [shard_of(payload, 2) for payload in PAYLOADS]
    assert len(published(redis_client, shards)) == len(PAYLOADS) + 1


def test_a_publisher_that_does_not_wait_is_refused_while_the_shards_are_changed(
    open_publisher: OpenPublisher, redis_client: Client, streams: Streams
) -> None:
    redis_client.set(streams.shards_hold, "a")
    with pytest.raises(BacklogFullError, match="the number of shards is being changed"):
        open_publisher(on_full="raise").publish(PAYLOADS[0])
    assert not redis_client.exists(streams.listings)


@EITHER
@pytest.mark.parametrize("count", ["many", "0", "65", ""])
def test_nothing_is_published_where_redis_does_not_say_how_many_shards_there_are(
    publish: Publish, settings: Settings, redis_client: Client, streams: Streams, count: str
) -> None:
    redis_client.hset(streams.shards, mapping={"count": count, "read": 2, "epoch": 1})
    with pytest.raises(PublishError, match=rf"^the hash `shards` in Redis says 'count={count}, .* delete it") as caught:
        publish(settings, PAYLOADS[:10])
    assert "\n" not in str(caught.value)
    assert len(caught.value.unconfirmed) == 10
    assert not any(redis_client.exists(streams.of_shard(number).listings) for number in range(64))


@EITHER
def test_a_setting_of_one_shard_does_not_count_where_redis_says_four(
    publish: Publish, settings: Settings, redis_client: Client, streams: Streams
) -> None:
    shards = set_shards(redis_client, streams, 4)
    publish(settings.model_copy(update={"shards": 1}), PAYLOADS[:100])
    assert all(read_entries(redis_client, shard) for shard in shards)


def test_a_publisher_that_was_idle_over_a_change_follows_it(
    settings: Settings, redis_client: Client, streams: Streams
) -> None:
    """What it knows of the shards is too old by then."""
    with ListingPublisher(settings) as publisher:
        publisher.publish(PAYLOADS[0])
        set_shards(redis_client, streams, 3)
        wait_until(lambda: publisher._plan.router.is_due(time.monotonic()), 3 * LEASE_S)
        entries = publisher.publish_many(PAYLOADS[:100])
    assert [split_entry(entry)[0] for entry in entries] == [shard_of(payload, 3) for payload in PAYLOADS[:100]]


def test_the_known_layout_stays_where_its_hash_is_deleted() -> None:
    router = ShardRouter(Streams("p"))
    router.note(ShardLayout(count=3, read=3), is_held=False, asked_s=1.0)
    router.note(None, is_held=False, asked_s=2.0)
    assert router.layout.count == 3
    assert not router.is_due(2.0 + LEASE_S / 2)
    assert router.is_due(2.0 + LEASE_S)


def test_the_backlog_of_all_shards_counts(
    open_publisher: OpenPublisher, redis_client: Client, streams: Streams
) -> None:
    set_shards(redis_client, streams, 2, read=3)
    for payload in PAYLOADS[:2]:
        redis_client.xadd(streams.of_shard(2).listings, {"data": payload})
    with pytest.raises(BacklogFullError, match="holds 2 listings"):
        open_publisher(high_water=2, on_full="raise").publish(PAYLOADS[0])


def test_an_error_of_one_shard_leaves_the_others_confirmed() -> None:
    router = ShardRouter(Streams("p"))
    router.note(ShardLayout(count=3, read=3), is_held=False, asked_s=0.0)
    chunk = PAYLOADS[:20]
    parts = router.split(chunk)
    second = parts[1].payloads
    lost = PublishInterruptedError("lost", ["7-0"], second[1:])
    lost.__cause__ = ConnectionError("gone")
    first_ids = [f"{n}-0" for n in range(len(parts[0].payloads))]
    with pytest.raises(PublishInterruptedError, match="gone") as caught:
        join_parts("redis://h", parts, [first_ids, lost])
    unconfirmed = [*second[1:], *parts[2].payloads]
    assert sorted(caught.value.unconfirmed) == sorted(unconfirmed)
    assert list(caught.value.unconfirmed) == [payload for payload in chunk if payload in unconfirmed]
    assert len(caught.value.entry_ids) == len(chunk) - len(unconfirmed)


def test_answers_are_stored_by_shard_and_come_out_in_the_order_of_publishing(tmp_path: Path) -> None:
    store = AnswerStore(tmp_path / "store")
    entries = ["5-0@2", "5-0", "7-1@1", "6-0"]
    store.add_entries(entries[:2])
    store.add_entries(entries[2:])
    assert [row.entry for row in store] == entries
    assert store.missing() == ["5-0", "5-0@2", "6-0"]
    store.close()


def test_receipts_name_the_shard(
    redis_url: str, redis_client: Client, streams: Streams, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_redis(monkeypatch, redis_url, streams.prefix)
    shards = set_shards(redis_client, streams, 3)
    file, receipts = tmp_path / "listings.jsonl", tmp_path / "receipts"
    rows: list[dict[str, Any]] = [{"id": f"l-{n}", "data": {"RM": 6.5}} for n in range(30)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    runner_of(command_of_publishing.publish).json(str(file), "--receipts", str(receipts))
    assert set(receipts.read_text(encoding="utf-8").split()) == set(published(redis_client, shards))
