"""Consumers that are killed in mid-batch, killed by a listing, or stopped for longer than the claim time."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.streams import SCORERS, Streams
from tests.consumer.doomed import DEADLY, SLOW
from tests.consumer.harness import (
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
    settings_for,
)
from tests.consumer.test_replies import open_stream, replies
from tests.waiting import wait_until_async

ROOT = Path(__file__).parents[2]
Doomed = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def doomed(redis_url: str, streams: Streams) -> Iterator[Doomed]:
    """Starts consumers that can be killed."""
    processes: list[subprocess.Popen[bytes]] = []

    def start(name: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.consumer.doomed", redis_url, streams.prefix, name]
        processes.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def rows(number: int, special: dict[int, float]) -> list[bytes]:
    """Listings, some of which have a special number of rooms."""
    return [event(f"l-{i}", {**ROW, "RM": special.get(i, 6.5)}) for i in range(number)]


async def test_kill_in_mid_batch_loses_nothing(
    redis_client: Client, redis_url: str, streams: Streams, doomed: Doomed
) -> None:
    entries = publish(redis_client, streams, rows(200, {50: SLOW}))
    process = doomed("a")
    await wait_until_async(lambda: pending(redis_client, streams) == 100)
    process.kill()
    process.wait()
    assert pending(redis_client, streams) == 100
    assert count(redis_client, streams, "answered") == 0
    async with running(redis_url, settings_for(streams.prefix), "b"):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 200)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


async def test_a_consumer_killed_between_read_and_commit_costs_no_reply(
    redis_client: Client, redis_url: str, streams: Streams, doomed: Doomed
) -> None:
    open_stream(redis_client, streams, "me")
    payloads = [event(f"l-{i}", {**ROW, "RM": SLOW if i == 50 else 6.5}, replyto="me") for i in range(100)]
    entries = publish(redis_client, streams, payloads)
    process = doomed("a")
    await wait_until_async(lambda: pending(redis_client, streams) == 100)
    process.kill()
    process.wait()
    assert pending(redis_client, streams) == 100
    assert replies(redis_client, streams, "me") == []
    async with running(redis_url, settings_for(streams.prefix), "b"):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 100)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert Counter(json.loads(data)["id"] for _, data in replies(redis_client, streams, "me")) == dict.fromkeys(
        entries, 1
    )


async def test_row_that_kills_its_consumer_becomes_poison_and_its_neighbours_do_not(
    redis_client: Client, redis_url: str, streams: Streams, doomed: Doomed
) -> None:
    entries = publish(redis_client, streams, rows(20, {10: DEADLY}))
    for life in range(3):
        process = doomed("a")
        assert await asyncio.to_thread(process.wait, 30) == -signal.SIGKILL
        held: Any = redis_client.xpending_range(streams.listings, SCORERS, entries[10], entries[10], 1)
        assert held[0]["times_delivered"] == life + 1
    doomed("a")
    await wait_until_async(lambda: count(redis_client, streams, "answered") == 20)
    (letter,) = answers(redis_client, streams.dead_letters)
    assert (letter["id"], letter["data"]["reason"], letter["data"]["listing_id"]) == (entries[10], "poison", None)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


async def test_consumer_stopped_for_longer_than_the_claim_time_is_fenced_off(
    redis_client: Client, redis_url: str, streams: Streams, doomed: Doomed
) -> None:
    process = doomed("a")
    await wait_until_async(lambda: redis_client.hexists(streams.consumers, "a"), timeout_s=30)
    entries = publish(redis_client, streams, rows(50, {0: SLOW}))
    await wait_until_async(lambda: pending(redis_client, streams) > 0)
    process.send_signal(signal.SIGSTOP)
    async with running(redis_url, settings_for(streams.prefix), "b"):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 50)
        process.send_signal(signal.SIGCONT)
        entries += publish_numbered(redis_client, streams, 10, first=100)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 60)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
