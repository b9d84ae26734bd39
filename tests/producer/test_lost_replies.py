"""When a connection breaks, the publisher lists confirmed and unconfirmed listings, and retries nothing."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import redis
from pydantic import SecretStr

from producer import AsyncListingPublisher, ListingPublisher
from producer.chunks import CHUNK_LISTINGS
from schemas.errors import PublishError, PublishInterruptedError, RedisUnavailableError
from schemas.settings import Settings
from schemas.streams import Streams
from tests.conftest import StartRedis
from tests.producer.cutting_proxy import CuttingProxy
from tests.producer.stream import read_entries
from transport.connection import connect

PAYLOADS = [b'{"id":"l-%d","data":{}}' % n for n in range(CHUNK_LISTINGS)]
PASSING = 3_000
LOST = 17_000
"""Together most of the replies of a chunk (22 to 24 bytes each); by then the client has sent all of it."""


def through(proxy: CuttingProxy, settings: Settings) -> Settings:
    return settings.model_copy(update={"redis_url": SecretStr(proxy.url)})


def _check_interruption(error: PublishInterruptedError, entries: list[tuple[str, bytes]], first: str) -> None:
    """Some listings arrived without a reply, the first are confirmed, and all others are listed as unconfirmed."""
    confirmed = [first, *error.entry_ids]
    assert 1 < len(confirmed) < len(entries)
    assert [entry_id for entry_id, _ in entries][: len(confirmed)] == confirmed
    assert error.unconfirmed == tuple(PAYLOADS[len(error.entry_ids) :])


def test_a_broken_connection_lists_confirmed_and_unconfirmed_listings(
    settings: Settings, redis_url: str, redis_client: redis.Redis, streams: Streams
) -> None:
    with CuttingProxy(redis_url) as proxy, ListingPublisher(through(proxy, settings)) as publisher:
        first = publisher.publish(b"first")
        proxy.cut_after(passing=PASSING, lost=LOST)
        with pytest.raises(PublishInterruptedError, match="unconfirmed: ") as interrupted:
            publisher.publish_many(PAYLOADS)
        assert proxy.has_cut.is_set()
    _check_interruption(interrupted.value, read_entries(redis_client, streams), first)


def test_publishing_unconfirmed_listings_again_loses_none_and_repeats_only_identities(
    settings: Settings, redis_url: str, redis_client: redis.Redis, streams: Streams, publisher: ListingPublisher
) -> None:
    with CuttingProxy(redis_url) as proxy, ListingPublisher(through(proxy, settings)) as cut:
        proxy.cut_after(passing=PASSING, lost=LOST)
        with pytest.raises(PublishInterruptedError) as interrupted:
            cut.publish_many(PAYLOADS)
    arrived = len(read_entries(redis_client, streams))
    publisher.publish_many(interrupted.value.unconfirmed)
    copies = Counter(payload for _, payload in read_entries(redis_client, streams))
    assert set(copies) == set(PAYLOADS)
    repeated = [payload for payload, count in copies.items() if count == 2]
    assert len(repeated) == arrived - len(interrupted.value.entry_ids)


async def test_the_asynchronous_publisher_lists_the_same(
    settings: Settings, redis_url: str, redis_client: redis.Redis, streams: Streams
) -> None:
    with CuttingProxy(redis_url) as proxy:
        async with AsyncListingPublisher(through(proxy, settings)) as publisher:
            first = await publisher.publish(b"first")
            proxy.cut_after(passing=PASSING, lost=LOST)
            with pytest.raises(PublishInterruptedError) as interrupted:
                await publisher.publish_many(PAYLOADS)
            assert proxy.has_cut.is_set()
    _check_interruption(interrupted.value, read_entries(redis_client, streams), first)


def test_the_publisher_continues_after_a_restart_of_redis(settings: Settings, private_redis: StartRedis) -> None:
    server = private_redis()
    changed = settings.model_copy(update={"redis_url": SecretStr(server.url)})
    with ListingPublisher(changed) as publisher:
        publisher.publish(b"1")
        server.kill()
        with pytest.raises(RedisUnavailableError, match=re.escape(f"127.0.0.1:{server.port}")) as interrupted:
            publisher.publish(b"2")
        assert isinstance(interrupted.value, PublishInterruptedError)
        assert interrupted.value.unconfirmed == (b"2",)
        server.start()
        assert publisher.publish_many(interrupted.value.unconfirmed)


def test_a_redis_out_of_memory_confirms_what_it_stored(settings: Settings, private_redis: StartRedis) -> None:
    server = private_redis()
    with connect(server.url) as client:
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 4_000_000)
        changed = settings.model_copy(update={"redis_url": SecretStr(server.url)})
        payloads = [b"%05d" % n + b"x" * 1000 for n in range(8_000)]
        with ListingPublisher(changed) as publisher, pytest.raises(PublishInterruptedError, match="maxmemory") as full:
            publisher.publish_many(payloads)
        entries = read_entries(client, settings.streams)
    assert 0 < len(entries) < len(payloads)
    assert list(full.value.entry_ids) == [entry_id for entry_id, _ in entries]
    stored = {payload for _, payload in entries}
    sent = len(entries) + len(full.value.unconfirmed)
    assert [*full.value.unconfirmed] == [payload for payload in payloads[:sent] if payload not in stored]


def test_a_user_without_the_right_to_publish_gets_an_error(settings: Settings, private_redis: StartRedis) -> None:
    server = private_redis()
    with connect(server.url) as client:
        client.acl_setuser(
            "reader", enabled=True, passwords=["+pw"], keys=["*"], categories=["+@all"], commands=["-xadd"]
        )
    url = SecretStr(server.url.replace("redis://", "redis://reader:pw@"))
    changed = settings.model_copy(update={"redis_url": url})
    with ListingPublisher(changed) as publisher, pytest.raises(PublishError, match="permissions") as caught:
        publisher.publish(b"{}")
    assert not isinstance(caught.value, PublishInterruptedError)
    assert "pw" not in str(caught.value)
