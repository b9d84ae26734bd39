"""The publisher: its input, its results and its backpressure."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from producer import ListingPublisher
from producer.chunks import CHUNK_LISTINGS
from schemas.errors import BacklogFullError, ConfigurationError, PublishError, RefusedListingError
from schemas.events import Listing
from schemas.settings import Settings
from schemas.streams import SCORERS, Streams
from tests.listings import Row, listing
from tests.producer.conftest import OpenPublisher
from tests.producer.stream import decode_all, read_entries, read_events
from transport.entries import EntryId


def test_publishing_a_listing_returns_its_entry_id(
    publisher: ListingPublisher, redis_client: redis.Redis, streams: Streams, boston_rows: list[Row]
) -> None:
    entry_id = publisher.publish(Listing(id="l-1", data=boston_rows[0]))
    assert read_entries(redis_client, streams)[0][0] == entry_id
    assert read_events(redis_client, streams)[0]["id"] == "l-1"


def test_a_url_and_a_domain_are_enough(
    redis_url: str, redis_client: redis.Redis, streams: Streams, boston_rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASADOR_PREFIX", streams.prefix)
    with ListingPublisher(redis_url, domain="housing") as publisher:
        publisher.publish(Listing(id="l-1", data=boston_rows[0]))
    assert len(decode_all(redis_client, streams)) == 1


def test_an_unknown_domain_is_a_configuration_error(redis_url: str) -> None:
    with pytest.raises(ConfigurationError, match="no domain 'castles'"):
        ListingPublisher(redis_url, domain="castles")


def test_settings_without_redis_are_a_configuration_error(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="no Redis"):
        ListingPublisher(settings.model_copy(update={"redis_url": None}))


def test_the_consumer_accepts_every_real_row_with_equal_values(
    publisher: ListingPublisher, redis_client: redis.Redis, streams: Streams, boston_rows: list[Row]
) -> None:
    publisher.publish_many(Listing(id=f"l-{n}", data=row) for n, row in enumerate(boston_rows))
    decoded = decode_all(redis_client, streams)
    assert [listing.id for listing in decoded] == [f"l-{n}" for n in range(506)]
    for listing_, row in zip(decoded, boston_rows, strict=True):
        assert [getattr(listing_.data, name) for name in listing_.data.__struct_fields__] == list(row.values())


def test_entry_ids_are_in_the_order_of_the_listings_across_chunks(
    publisher: ListingPublisher, redis_client: redis.Redis, streams: Streams
) -> None:
    payloads = [b'{"id":"l-%d","data":{}}' % n for n in range(2 * CHUNK_LISTINGS + 7)]
    entry_ids = publisher.publish_many(payloads)
    assert read_entries(redis_client, streams) == list(zip(entry_ids, payloads, strict=True))
    assert entry_ids == sorted(entry_ids, key=EntryId.parse)


def test_no_listings_give_no_entry_ids(publisher: ListingPublisher) -> None:
    assert publisher.publish_many([]) == []


def test_an_endless_iterable_is_read_one_chunk_at_a_time(publisher: ListingPublisher) -> None:
    numbers = itertools.count()
    listings: Iterator[bytes] = (b'{"id":"l-%d","data":{}}' % n for n in numbers)
    chunks = publisher.publish_chunks(listings)
    assert len(next(chunks)) == CHUNK_LISTINGS
    assert next(numbers) == CHUNK_LISTINGS


def test_without_validation_invalid_bytes_are_left_to_the_consumer(
    publisher: ListingPublisher, redis_client: redis.Redis, streams: Streams
) -> None:
    publisher.publish(b"not json")
    assert [payload for _, payload in read_entries(redis_client, streams)] == [b"not json"]


def test_validation_names_the_listing_before_its_chunk_is_sent(
    open_publisher: OpenPublisher, redis_client: redis.Redis, streams: Streams, boston_rows: list[Row]
) -> None:
    wrong = CHUNK_LISTINGS + 2
    rows = itertools.islice(itertools.cycle(boston_rows), CHUNK_LISTINGS + 5)
    listings = [listing(row | ({"RM": 99} if n == wrong else {}), f"l-{n}") for n, row in enumerate(rows, start=1)]
    with pytest.raises(RefusedListingError, match=rf"^listing {wrong} \('l-{wrong}'\): out_of_range: RM: ") as refused:
        open_publisher(validate=True).publish_many(listings)
    assert refused.value.listing_id == f"l-{wrong}"
    assert len(read_entries(redis_client, streams)) == CHUNK_LISTINGS


def test_at_the_high_water_mark_it_waits_until_listings_are_answered(
    open_publisher: OpenPublisher, redis_client: redis.Redis, streams: Streams
) -> None:
    open_publisher().publish_many([b"{}"] * 10)
    redis_client.xgroup_create(streams.listings, SCORERS, id="0")
    reply: Any = redis_client.xreadgroup(SCORERS, "c", {streams.listings: ">"}, count=4)
    delivered = reply[0][1]
    backlogs: list[tuple[int, int]] = []

    def answer_one(backlog: int) -> None:
        backlogs.append((backlog, redis_client.xlen(streams.listings)))
        redis_client.xack(streams.listings, SCORERS, delivered.pop()[0])
        # Redis 6.2 has no lag, so there the backlog is computed from the consumer's count
        redis_client.hincrby(streams.progress, "answered", 1)

    open_publisher(high_water=9, on_wait=answer_one).publish(b"{}")
    # pending entries count as much as undelivered ones, and nothing is sent while it waits
    assert backlogs == [(10, 10), (9, 10)]
    assert redis_client.xlen(streams.listings) == 11


def test_at_the_high_water_mark_it_raises_if_set_to(
    open_publisher: OpenPublisher, redis_client: redis.Redis, streams: Streams
) -> None:
    publisher = open_publisher(high_water=3, on_full="raise")
    publisher.publish_many([b"1", b"2", b"3"])
    with pytest.raises(BacklogFullError, match=r"holds 3 listings, the high-water mark is 3") as full:
        publisher.publish_many([b"4", b"5"])
    assert full.value.unconfirmed == (b"4", b"5")
    assert redis_client.xlen(streams.listings) == 3


def test_a_full_backlog_lists_the_confirmed_listings(
    open_publisher: OpenPublisher, redis_client: redis.Redis, streams: Streams
) -> None:
    payloads = [b"%d" % n for n in range(3 * CHUNK_LISTINGS)]
    with pytest.raises(BacklogFullError) as full:
        open_publisher(high_water=CHUNK_LISTINGS + 1, on_full="raise").publish_many(payloads)
    sent = 2 * CHUNK_LISTINGS
    assert read_entries(redis_client, streams) == list(zip(full.value.entry_ids, payloads[:sent], strict=True))
    assert full.value.unconfirmed == tuple(payloads[sent:])


def test_several_publishers_exceed_the_mark_by_at_most_a_hundredth_each(
    open_publisher: OpenPublisher, redis_client: redis.Redis, streams: Streams
) -> None:
    publishers = [open_publisher(high_water=200, on_full="raise") for _ in range(3)]
    with contextlib.suppress(BacklogFullError):
        for publisher in itertools.cycle(publishers):
            publisher.publish(b"{}")
    assert 200 <= redis_client.xlen(streams.listings) <= 200 + 3 * 2


def test_a_key_of_another_type_is_an_error(
    publisher: ListingPublisher, redis_client: redis.Redis, streams: Streams
) -> None:
    redis_client.set(streams.listings, "mine")
    with pytest.raises(PublishError, match="WRONGTYPE") as caught:
        publisher.publish(b"{}")
    assert caught.value.unconfirmed == (b"{}",)
