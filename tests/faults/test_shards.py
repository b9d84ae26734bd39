"""Consumers of a domain with several shards are killed, and the number of shards changes meanwhile."""

from __future__ import annotations

import threading
import time

import pytest

from operations.resharding import Resharding
from schemas.streams import Streams
from tests.consumer.harness import Client
from tests.faults.conftest import Record, StartRound
from tests.faults.takeover import READ_ON_MS, pause_ms
from transport.clock import now_ms

pytestmark = pytest.mark.faults

IDLE_COMMANDS = 50
"""Most commands in a second, also those of scripts, by which a consumer looks after a shard without listings."""
_IDLE_S = 10


def test_consumers_of_shards_killed(redis_url: str, start_round: StartRound, record: Record) -> None:
    """A kill in the middle: each entry gets its one outcome, and no shard stands still for longer than a second."""
    round_ = start_round(redis_url, shards=3)
    for run in round_.runs:
        run.score_ms = 5  # so that a kill finds something in hand
    round_.start("a", "b")
    killed_ms: dict[Streams, list[int]] = {shard: [] for run in round_.runs for shard in run.shards}
    for _ in range(8):
        time.sleep(round_.random.uniform(0.5, 1.0))
        name = round_.random.choice("ab")
        with round_.client() as client:
            for run in round_.runs:
                run.kill(name)
                round_.count(kills=1, held_by_killed=run.pending(client, name))
                for shard in run.shards:
                    killed_ms[shard].append(now_ms(client))
        # nobody helps the consumer that is left
        time.sleep(READ_ON_MS / 1000 + 0.2)
        for run in round_.runs:
            run.start(name)
        for run in round_.runs:
            run.wait_until_up()
    figures = round_.finish()
    with round_.client() as client:
        longest = max(pause_ms(client, shard, at) for shard, times in killed_ms.items() for at in times)
    assert longest < READ_ON_MS, "a shard was read on"
    assert figures["held_by_killed"] > 0
    assert figures["claimed"] > 0
    record({**figures, "longest_pause_ms": longest})


def test_sixteen_idle_shards_cost_few_commands(redis_url: str, start_round: StartRound, record: Record) -> None:
    """Two consumers, so that each has shards of its own and stands by in the others."""
    slow = {"claim_idle_ms": 5000, "heartbeat_s": 2, "batch": {}, "retention": {}}
    round_ = start_round(redis_url, shards=16, **slow)
    run = round_.runs[0]
    for name in ("a", "b"):
        run.start(name)
    run.wait_until_up()
    time.sleep(2)  # heartbeats, flows and the first checks
    with round_.client() as client:
        before, begin = _commands(client), time.monotonic()
        time.sleep(_IDLE_S)
        rate = (_commands(client) - before) / (time.monotonic() - begin)
    run.stop()
    assert rate / (2 * 16) < IDLE_COMMANDS
    record({"idle_commands_per_s": round(rate)})


def _commands(client: Client) -> int:
    """Commands that the server has carried out."""
    return int(client.info("stats")["total_commands_processed"])


def test_killed_while_the_number_of_shards_changes(redis_url: str, start_round: StartRound, record: Record) -> None:
    round_ = start_round(redis_url, shards=2)
    round_.start("a", "b")
    for count in (4, 3):
        for run in round_.runs:
            run.load.pause()  # it chooses shards itself, and does not wait
        with round_.client() as client:
            changes = [
                threading.Thread(target=Resharding(client, run.streams, "housing", 300, 30).set, args=(count,))
                for run in round_.runs
            ]
            for change in changes:
                change.start()
            for run in round_.runs:
                run.kill("a")
                run.start("a")
                round_.count(kills=1)
            for change in changes:
                change.join()
        for run in round_.runs:
            run.reshard(count)
            run.load.resume()
        round_.wait_for_answers(500)
    record(round_.finish())
