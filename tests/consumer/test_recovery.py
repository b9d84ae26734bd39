"""Pending entries of a dead consumer are claimed and tried alone, and only those that fail are given up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis

from schemas.streams import SCORERS, Streams
from tests.consumer.harness import (
    RM,
    ROW,
    Client,
    answers,
    count,
    event,
    outcomes,
    pending,
    publish,
    publish_numbered,
    running,
    served,
    settings_for,
)
from tests.waiting import wait_until_async
from transport.connection import connect_async
from transport.consumer_group import ConsumerGroup


def read_and_die(client: Client, streams: Streams, name: str, count: int = 1000) -> list[bytes]:
    """Read as a consumer does, without answering."""
    client.xgroup_create(streams.listings, SCORERS, "0", mkstream=True)
    source: Any = {streams.listings: b">"}
    ((_, entries),) = client.xreadgroup(SCORERS, name, source, count)
    return [entry_id for entry_id, _ in entries]


async def test_entries_of_a_dead_consumer_are_answered(redis_client: Client, redis_url: str, streams: Streams) -> None:
    entries = publish_numbered(redis_client, streams, 250)
    read_and_die(redis_client, streams, "dead")
    assert pending(redis_client, streams) == 250
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 250)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert pending(redis_client, streams) == 0


async def test_own_pending_entries_come_first(redis_client: Client, redis_url: str, streams: Streams) -> None:
    left = publish_numbered(redis_client, streams, 3)
    read_and_die(redis_client, streams, "a")
    publish_numbered(redis_client, streams, 5, first=3)
    # so long that no other consumer's entries are claimed
    async with running(redis_url, settings_for(streams.prefix, claim_idle_ms=60_000)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 8)
    assert [a["id"] for a in answers(redis_client, streams.predictions)][:3] == left


async def test_deleted_payload_becomes_a_dead_letter(redis_client: Client, redis_url: str, streams: Streams) -> None:
    entries = publish_numbered(redis_client, streams, 3)
    read_and_die(redis_client, streams, "dead")
    redis_client.xdel(streams.listings, entries[1])
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 3)
    (letter,) = answers(redis_client, streams.dead_letters)
    assert (letter["id"], letter["data"]["reason"], letter["data"]["payload"]) == (entries[1], "payload_gone", None)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


async def test_row_that_cannot_be_scored_is_given_up_and_its_neighbours_are_not(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    def refuse_mansions(matrix: Any) -> None:
        if (matrix[:, RM] > 8).any():
            raise MemoryError("too many rooms")

    rows = [ROW, {**ROW, "RM": 9.0}, ROW]
    entries = publish(redis_client, streams, (event(f"l-{i}", row) for i, row in enumerate(rows)))
    async with running(redis_url, settings_for(streams.prefix), model=served(before=refuse_mansions)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 3)
    (letter,) = answers(redis_client, streams.dead_letters)
    assert (letter["id"], letter["data"]["reason"]) == (entries[1], "poison")
    assert '"l-1"' in letter["data"]["payload"]
    assert {a["id"] for a in answers(redis_client, streams.predictions)} == {entries[0], entries[2]}


async def test_a_claim_does_not_raise_the_delivery_count_and_an_attempt_does(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    publish_numbered(redis_client, streams, 3)
    read_and_die(redis_client, streams, "dead")

    def deliveries() -> list[int]:
        entries: Any = redis_client.xpending_range(streams.listings, SCORERS, "-", "+", 10)
        return [entry["times_delivered"] for entry in entries]

    async with running(redis_url, settings_for(streams.prefix, claim_idle_ms=60_000)) as consumer:
        group = consumer.flows[0].group
        group.claim_idle_ms = 0
        claimed = await group.claim_idle()
        assert deliveries() == [1, 1, 1]
        taken = await group.take(claimed[1])
        assert taken is not None
        assert (taken.deliveries, taken.flat is None) == (2, False)
        assert deliveries() == [1, 2, 1]


async def test_entry_in_progress_is_renewed_and_not_claimed(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    """A live consumer whose commit is delayed for many claim times keeps its batch."""
    settings = settings_for(streams.prefix)
    held = asyncio.Event()

    def idle_ms() -> int:
        entries: Any = redis_client.xpending_range(streams.listings, SCORERS, "-", "+", 1)
        return int(entries[0]["time_since_delivered"]) if entries else 0

    async with running(redis_url, settings, "slow") as slow:
        committer: Any = slow.flows[0].scoring_loop.committer
        commit = committer.commit

        async def delayed(batch: Any) -> Any:
            await held.wait()
            return await commit(batch)

        committer.commit = delayed
        (entry,) = publish_numbered(redis_client, streams, 1)
        await wait_until_async(lambda: pending(redis_client, streams) == 1)
        first = redis_client.time()
        async with running(redis_url, settings, "other"):
            await wait_until_async(lambda: redis_client.time()[0] > first[0] + 1)
            assert idle_ms() < settings.claim_idle_ms
            assert redis_client.xlen(streams.predictions) == 0
            held.set()
            await wait_until_async(lambda: count(redis_client, streams, "answered") == 1)
    assert outcomes(redis_client, streams) == {entry: 1}


async def test_entry_deleted_while_in_progress_is_answered(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    """From Redis 7 on, renewing a deleted entry would remove it from the pending entries."""
    settings = settings_for(streams.prefix)
    held = asyncio.Event()
    async with running(redis_url, settings) as consumer:
        committer: Any = consumer.flows[0].scoring_loop.committer
        commit = committer.commit

        async def delayed(batch: Any) -> Any:
            await held.wait()
            return await commit(batch)

        committer.commit = delayed
        (entry,) = publish_numbered(redis_client, streams, 1)
        await wait_until_async(lambda: consumer.flows[0].scoring_loop.in_hand)
        assert redis_client.xdel(streams.listings, entry) == 1
        assert await consumer.flows[0].group.renew([entry.encode()]) == 1
        assert pending(redis_client, streams) == 1
        held.set()
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1)
    assert outcomes(redis_client, streams) == {entry: 1}


async def test_renewal_does_not_steal_back(redis_client: Client, redis_url: str, streams: Streams) -> None:
    (entry,) = publish_numbered(redis_client, streams, 1)
    read_and_die(redis_client, streams, "a")
    redis_client.xclaim(streams.listings, SCORERS, "b", 0, [entry], justid=True)
    client = connect_async(redis_url)
    assert await ConsumerGroup(client, streams.listings, SCORERS, "a", 300).renew([entry.encode()]) == 0
    await client.aclose()
    owner: Any = redis_client.xpending_range(streams.listings, SCORERS, "-", "+", 1)
    assert owner[0]["consumer"] == b"b"


@pytest.mark.parametrize("at_once", [2, 100])
async def test_lost_reply_to_a_read_is_answered(
    redis_client: Client, redis_url: str, streams: Streams, at_once: int
) -> None:
    """Entries that Redis delivered on a broken connection are pending under a live consumer."""
    settings = settings_for(streams.prefix, claim_idle_ms=60_000, batch={"max_records": at_once, "block_ms": 50})
    async with running(redis_url, settings) as consumer:
        await wait_until_async(lambda: consumer.health.is_ready)
        connection: Any = consumer.flows[0].scoring_loop.reader._connection
        receive = connection.receive
        lost: list[int] = []

        async def break_once(extra_s: float) -> Any:
            reply = await receive(extra_s)
            if reply and not lost:
                lost.append(pending(redis_client, streams))
                raise redis.exceptions.ConnectionError("connection reset")
            return reply

        connection.receive = break_once
        entries = publish_numbered(redis_client, streams, 5)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 5)
    assert lost[0] > 0
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


async def test_a_scored_batch_is_committed_even_if_the_next_read_cannot_be_sent(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    settings = settings_for(streams.prefix, claim_idle_ms=60_000, batch={"max_records": 2, "block_ms": 50})
    entries = publish_numbered(redis_client, streams, 6)
    async with running(redis_url, settings) as consumer:
        connection: Any = consumer.flows[0].scoring_loop.reader._connection
        send = connection.send
        broken: list[list[bytes]] = []

        async def break_once(*command: Any) -> None:
            if consumer.flows[0].scoring_loop.in_hand and not broken:
                broken.append(consumer.flows[0].scoring_loop.in_hand)
                raise redis.exceptions.ConnectionError("connection reset")
            await send(*command)

        connection.send = break_once
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 6)
        await wait_until_async(lambda: not consumer.flows[0].scoring_loop.in_hand)
    assert len(broken[0]) == 2
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
