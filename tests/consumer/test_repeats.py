"""A repeat of an identity that was predicted is counted and dropped, by whichever consumer reads it."""

from __future__ import annotations

import asyncio
import json

from consumer.identities import convert_identities
from schemas.streams import Streams
from tests.consumer.harness import (
    ROW,
    Client,
    answers,
    count,
    event,
    has_changed,
    outcomes,
    publish,
    running,
    settings_for,
)
from tests.waiting import wait_until_async
from transport.connection import connect_async


async def test_repeats_within_a_batch_across_batches_and_across_consumers(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    settings = settings_for(streams.prefix)
    entries = publish(redis_client, streams, [event("l-1"), event("l-1"), event("l-1", source="/other")])
    async with running(redis_url, settings, "a"):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 3)
        entries += publish(redis_client, streams, [event("l-1")])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 4)
    async with running(redis_url, settings, "b"):
        entries += publish(redis_client, streams, [event("l-1"), event("l-2")])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 6)
    predicted = [
        (a["data"]["listing_source"], a["data"]["listing_id"]) for a in answers(redis_client, streams.predictions)
    ]
    assert predicted == [("", "l-1"), ("/other", "l-1"), ("", "l-2")]
    assert [a["id"] for a in answers(redis_client, streams.repeats)] == [entries[1], entries[3], entries[4]]
    assert count(redis_client, streams, "repeats") == 3
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


async def test_an_identity_may_contain_any_character(redis_client: Client, redis_url: str, streams: Streams) -> None:
    """A commit sends the entries of a batch as lines of text."""
    ids = ["a\nb", '"],["', "a/\\b", "\u2028é😀", "\x00", "null"]
    payloads = [event(listing_id, source="/agency/42") for listing_id in ids]
    entries = publish(redis_client, streams, [*payloads, b"{\n", *payloads])
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == len(entries))
    for stream in (streams.predictions, streams.repeats):
        identities = [(a["data"]["listing_source"], a["data"]["listing_id"]) for a in answers(redis_client, stream)]
        assert identities == [("/agency/42", listing_id) for listing_id in ids]
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


async def test_corrected_listing_after_a_dead_letter_is_scored(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    async with running(redis_url, settings_for(streams.prefix)):
        publish(redis_client, streams, [event("l-1", {**ROW, "RM": 99})])
        await wait_until_async(lambda: redis_client.xlen(streams.dead_letters))
        publish(redis_client, streams, [event("l-1")])
        await wait_until_async(lambda: redis_client.xlen(streams.predictions))
    assert count(redis_client, streams, "repeats") == 0


async def test_identities_expire(redis_client: Client, redis_url: str, streams: Streams) -> None:
    async with running(redis_url, settings_for(streams.prefix, dedup_seconds=1)):
        publish(redis_client, streams, [event("l-1")])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1)
        # two rotations, each of which needs a second of Redis's clock and a prediction
        for other in ("l-2", "l-3"):
            has_rotated = has_changed(lambda: redis_client.get(streams.dedup_rotated))
            await wait_until_async(has_changed(lambda: redis_client.time()[0]))
            publish(redis_client, streams, [event(other)])
            await wait_until_async(has_rotated)
        publish(redis_client, streams, [event("l-1")])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 4)
    assert count(redis_client, streams, "scored") == 4


async def test_an_identity_expires_without_further_listings(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    async with running(redis_url, settings_for(streams.prefix, dedup_seconds=1)):
        publish(redis_client, streams, [event("l-1"), event("l-1")])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 2)
        since = int(redis_client.get(streams.dedup_rotated))
        await wait_until_async(lambda: redis_client.time()[0] >= since + 2)
        publish(redis_client, streams, [event("l-1")])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 3)
    assert count(redis_client, streams, "scored") == 2
    assert count(redis_client, streams, "repeats") == 1


async def test_identities_are_bounded(redis_client: Client, redis_url: str, streams: Streams) -> None:
    async with running(redis_url, settings_for(streams.prefix, dedup_max_ids=200)):
        publish(redis_client, streams, (event(f"l-{i}") for i in range(1000)))
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1000)
    remembered = redis_client.hlen(streams.dedup_current) + redis_client.hlen(streams.dedup_previous)
    assert 0 < remembered <= 400


async def test_no_identity_is_kept_with_deduplication_off(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    async with running(redis_url, settings_for(streams.prefix, dedup_seconds=0)):
        publish(redis_client, streams, [event("l-1"), event("l-1")])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 2)
    assert count(redis_client, streams, "scored") == 2
    assert not redis_client.exists(streams.dedup_current)


async def test_a_repeat_names_the_prediction_that_its_identity_got(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    async with running(redis_url, settings_for(streams.prefix)):
        publish(redis_client, streams, [event("l-0"), event("l-1"), event("l-1")])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 3)
        publish(redis_client, streams, [event("l-1"), event("l-0")])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 5)
    written = {fields[b"data"]: entry_id.decode() for entry_id, fields in redis_client.xrange(streams.predictions)}
    first = {json.loads(data)["data"]["listing_id"]: entry_id for data, entry_id in written.items()}
    assert [(a["data"]["listing_id"], a["data"]["first"]) for a in answers(redis_client, streams.repeats)] == [
        ("l-1", first["l-1"]),
        ("l-1", first["l-1"]),
        ("l-0", first["l-0"]),
    ]


async def test_a_repeat_after_a_rotation_names_the_first_prediction(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    async with running(redis_url, settings_for(streams.prefix, dedup_max_ids=20)):
        for number in range(10):
            publish(redis_client, streams, [event(f"l-{number}")])
            await wait_until_async(lambda: redis_client.xlen(streams.predictions) == number + 1)  # noqa: B023
        assert (redis_client.hlen(streams.dedup_current), redis_client.hlen(streams.dedup_previous)) == (0, 10)
        publish(redis_client, streams, [event("l-3")])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 11)
    (repeat,) = answers(redis_client, streams.repeats)
    ((_, fields),) = redis_client.xrange(streams.predictions, repeat["data"]["first"], repeat["data"]["first"])
    assert json.loads(fields[b"data"])["data"]["listing_id"] == "l-3"


async def test_sets_of_identities_are_converted_at_start(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    many = [f'["","l-{number}"]' for number in range(12_000)]
    redis_client.sadd(streams.dedup_current, *many[:11_000])
    redis_client.sadd(streams.dedup_previous, *many[11_000:])
    redis_client.set(streams.dedup_rotated, redis_client.time()[0])
    async with running(redis_url, settings_for(streams.prefix)):
        publish(redis_client, streams, [event("l-0"), event("l-11000"), event("new"), event("new")])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 4)
    assert (redis_client.type(streams.dedup_current), redis_client.hlen(streams.dedup_current)) == (b"hash", 11_001)
    assert (redis_client.type(streams.dedup_previous), redis_client.hlen(streams.dedup_previous)) == (b"hash", 1000)
    repeats = answers(redis_client, streams.repeats)
    assert [repeat["data"]["listing_id"] for repeat in repeats] == ["l-0", "l-11000", "new"]
    assert ["first" in repeat["data"] for repeat in repeats] == [False, False, True]
    assert not list(redis_client.scan_iter(f"{streams.prefix}:dedup:*:converting"))


async def test_consumers_that_convert_at_once_keep_every_identity(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    redis_client.sadd(streams.dedup_current, *(f'["","l-{number}"]' for number in range(20_000)))
    clients = [connect_async(redis_url) for _ in range(3)]
    await asyncio.gather(*(convert_identities(client, streams) for client in clients))
    for client in clients:
        await client.aclose()
    assert redis_client.hlen(streams.dedup_current) == 20_000
    assert list(redis_client.scan_iter(f"{streams.prefix}:*")) == [streams.dedup_current.encode()]
