"""The scoring thread: batches of a backlog are scored beside the loop, one at a time, and nothing else changes."""

from __future__ import annotations

import threading
import time

import pytest

from consumer.scoring_thread import ScoringThread
from schemas.rows import Matrix
from schemas.streams import Streams
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


def _compute(seconds: float) -> None:
    """Take processor time, more than decoding a batch of a hundred does."""
    end_s = time.thread_time() + seconds
    while time.thread_time() < end_s:
        pass


async def test_a_backlog_is_scored_in_the_thread_in_order_and_a_single_listing_is_not(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    threads: list[str] = []

    def note_thread(_: Matrix) -> None:
        threads.append(threading.current_thread().name)
        _compute(0.003)

    model = served(before=note_thread)
    ids = publish_numbered(redis_client, streams, 1000)
    async with running(redis_url, settings_for(streams.prefix), model=model):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1000)
        in_backlog = threads.copy()
        threads.clear()
        last = publish_numbered(redis_client, streams, 1, first=1000)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1001)
    assert sum(name.startswith("scoring") for name in in_backlog) >= 8
    assert threads == ["MainThread"]
    assert [answer["id"] for answer in answers(redis_client, streams.predictions)] == ids + last


async def test_what_fails_in_the_thread_is_tried_alone_and_its_neighbours_are_scored(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    def refuse_large(matrix: Matrix) -> None:
        _compute(0.003)
        if (matrix[:, RM] > 8).any():
            raise ValueError("too large")

    large = {150, 777}
    publish(redis_client, streams, [event(f"l-{n}", {**ROW, "RM": 8.5} if n in large else None) for n in range(1000)])
    settings = settings_for(streams.prefix, max_deliveries=2)
    async with running(redis_url, settings, model=served(before=refuse_large)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1000)
    refused = answers(redis_client, streams.dead_letters)
    assert {letter["data"]["reason"] for letter in refused} == {"poison"}
    assert len(refused) == len(large)
    assert set(outcomes(redis_client, streams).values()) == {1}


async def test_a_stop_in_a_backlog_answers_what_was_delivered(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    has_begun = threading.Event()

    def slow(_: Matrix) -> None:
        _compute(0.01)
        if threading.current_thread() is not threading.main_thread():
            has_begun.set()

    publish_numbered(redis_client, streams, 5000)
    async with running(redis_url, settings_for(streams.prefix), model=served(before=slow)):
        await wait_until_async(has_begun.is_set)
    found = outcomes(redis_client, streams)
    assert 0 < len(found) < 5000
    assert set(found.values()) == {1}
    assert pending(redis_client, streams) == 0


async def test_only_one_step_runs_at_a_time() -> None:
    thread, lock, order = ScoringThread(), threading.Lock(), []

    def step(name: str) -> str:
        assert lock.acquire(blocking=False), "another step is running"
        time.sleep(0.01)
        order.append(name)
        lock.release()
        return name

    first, second = thread.start(lambda: step("first")), thread.start(lambda: step("second"))
    assert await thread.run_here(lambda: step("here")) == "here"
    assert [await first, await second] == ["first", "second"]
    assert order == ["first", "second", "here"]
    with pytest.raises(ZeroDivisionError):
        await thread.start(lambda: 1 // 0)
    thread.close()
