"""A challenger that kills, hangs or delays its consumer costs no listing its outcome, and makes poison of none."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from schemas.streams import Streams
from tests.consumer.harness import (
    Client,
    answers,
    count,
    model_events,
    outcomes,
    pending,
    publish_numbered,
    running,
    settings_for,
)
from tests.consumer.rollouts import ROLLOUT, carry_out, desired_rollout, write_rollout
from tests.waiting import wait_until_async

ROOT = Path(__file__).parents[2]
StartBroken = Callable[[str, str], subprocess.Popen[bytes]]


@pytest.fixture
def start(redis_url: str, streams: Streams) -> Iterator[StartBroken]:
    """Starts consumers with a broken challenger, as a supervisor does."""
    processes: list[subprocess.Popen[bytes]] = []

    def start_one(name: str, fault: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.consumer.doomed_rollout", redis_url, streams.prefix, name, fault]
        processes.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL))
        return processes[-1]

    yield start_one
    for process in processes:
        process.kill()
        process.wait()


def _failures(client: Client, streams: Streams) -> int:
    return int(client.hget(streams.challenger_failures, ROLLOUT) or 0)


def _heartbeat(client: Client, streams: Streams, name: str) -> str:
    return (client.hget(streams.consumers, name) or b"").decode()


async def _wait_until_loaded(client: Client, streams: Streams, name: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until this process carries out the rollout; an earlier one of its name may have left a heartbeat."""

    def is_loaded() -> bool:
        beat = json.loads(_heartbeat(client, streams, name) or "{}")
        return bool(beat.get("pid") == process.pid and beat.get("rollout") == ROLLOUT)

    await wait_until_async(is_loaded)


@pytest.mark.parametrize(("fault", "exit_code"), [("kill", -signal.SIGKILL), ("hang", -signal.SIGALRM)])
async def test_a_challenger_that_ends_its_consumer_costs_no_listing_its_answer(
    redis_client: Client, streams: Streams, start: StartBroken, fault: str, exit_code: int
) -> None:
    """Three consumers die of it, each with a batch in hand; the fourth goes on without it."""
    write_rollout(redis_client, streams, desired_rollout(share=1.0))
    entries: list[str] = []
    for life in range(3):
        process = start("a", fault)
        await _wait_until_loaded(redis_client, streams, "a", process)
        entries += publish_numbered(redis_client, streams, 20, first=20 * life)
        assert await asyncio.to_thread(process.wait, 30) == exit_code
        assert pending(redis_client, streams) > 0
        assert _failures(redis_client, streams) == life  # the next process of the name finds out
    start("a", fault)
    entries += publish_numbered(redis_client, streams, 20, first=60)
    await wait_until_async(lambda: count(redis_client, streams, "answered") == 80)
    await wait_until_async(lambda: "3 consumers died" in _heartbeat(redis_client, streams, "a"))
    assert _failures(redis_client, streams) == 3
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert not redis_client.exists(streams.dead_letters)
    models = [answer["data"]["model"] for answer in answers(redis_client, streams.predictions)]
    assert {model["version"] for model in models} == {"1"}


async def test_a_slow_challenger_costs_no_listing_its_answer(
    redis_client: Client, redis_url: str, streams: Streams, start: StartBroken
) -> None:
    """Others claim what it has in hand; whoever commits first answers."""
    write_rollout(redis_client, streams, desired_rollout(share=1.0))
    await _wait_until_loaded(redis_client, streams, "slow", start("slow", "slow"))
    entries = publish_numbered(redis_client, streams, 50)
    await wait_until_async(lambda: pending(redis_client, streams) > 0)
    async with running(redis_url, settings_for(streams.prefix), "b"):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 50)
        await wait_until_async(lambda: not pending(redis_client, streams))
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert not redis_client.exists(streams.dead_letters)


async def test_a_consumer_that_stops_as_it_should_counts_as_no_failure(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    for _ in range(2):
        async with running(redis_url, settings_for(streams.prefix)) as consumer:
            await carry_out(redis_client, consumer)
            assert redis_client.hexists(streams.challenger_loads, "a")
    assert not redis_client.exists(streams.challenger_loads, streams.challenger_failures)


async def test_others_count_a_consumer_that_does_not_come_back(
    redis_client: Client, redis_url: str, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.consumer._SWEEP_S", 0.1)
    redis_client.hset(streams.challenger_loads, "gone", f"{ROLLOUT} its-process")
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: _failures(redis_client, streams) == 1)
    assert not redis_client.exists(streams.challenger_loads)


async def test_a_rollout_is_dropped_as_soon_as_it_ends(redis_client: Client, redis_url: str, streams: Streams) -> None:
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        state = await carry_out(redis_client, consumer)
        redis_client.hset(streams.rollout, mapping={"share": "0.75", "revision": "10-0"})
        consumer.rollouts.wakeup.set()
        await wait_until_async(lambda: '"rollout_revision":"10-0"' in _heartbeat(redis_client, streams, "a"))
        assert consumer.rollouts.served
        assert consumer.rollouts.served.state == state.model_copy(update={"share": 0.75, "revision": "10-0"})
        redis_client.delete(streams.rollout)
        consumer.rollouts.wakeup.set()
        await wait_until_async(lambda: '"rollout":null' in _heartbeat(redis_client, streams, "a"))
        assert consumer.rollouts.served is None


async def test_a_challenger_that_fails_a_check_is_reported_and_the_flow_goes_on(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    write_rollout(redis_client, streams, desired_rollout(share=1.0))
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: model_events(redis_client, streams, "model.rejected"))
        publish_numbered(redis_client, streams, 10)
        await wait_until_async(lambda: count(redis_client, streams, "scored") == 10)
        assert "was rejected" in _heartbeat(redis_client, streams, "a")
    (rejected,) = model_events(redis_client, streams, "model.rejected")
    assert (rejected["rollout"], rejected["version"], rejected["reason"]) == (ROLLOUT, "2", "location")
    models: list[Any] = [answer["data"]["model"] for answer in answers(redis_client, streams.predictions)]
    assert models == [{"version": "1", "activation": "1-0"}] * 10
