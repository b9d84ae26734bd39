"""Consumers of a domain with several shards are killed, and the number of shards changes meanwhile."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from operations.resharding import Resharding
from schemas.streams import Streams
from tests.consumer.harness import Client
from tests.faults.conftest import Record, StartRound
from transport.clock import now_ms
from transport.entries import EntryId

pytestmark = pytest.mark.faults

IDLE_SHARE = 0.03
"""Most of a core that a consumer uses for sixteen shards without listings."""
_IDLE_S = 10
READ_ON_MS = 1000
"""Within this time another consumer reads what a killed one does not."""


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
        longest = max(_pause_ms(client, shard, at) for shard, times in killed_ms.items() for at in times)
    assert longest < READ_ON_MS, "a shard was read on"
    assert figures["held_by_killed"] > 0
    assert figures["claimed"] > 0
    record({**figures, "longest_pause_ms": longest})


def test_sixteen_idle_shards_cost_little(redis_url: str, start_round: StartRound, record: Record) -> None:
    """Two consumers, so that each has shards of its own and stands by in the others."""
    slow = {"claim_idle_ms": 5000, "heartbeat_s": 2, "batch": {}, "retention": {}}
    round_ = start_round(redis_url, shards=16, **slow)
    run = round_.runs[0]
    for name in ("a", "b"):
        run.start(name)
    run.wait_until_up()
    time.sleep(2)  # heartbeats, flows and the first checks
    before = [_cpu_s(run.pid(name)) for name in ("a", "b")]
    time.sleep(_IDLE_S)
    used = [_cpu_s(run.pid(name)) - was for name, was in zip(("a", "b"), before, strict=True)]
    run.stop()
    assert max(used) / _IDLE_S < IDLE_SHARE
    record({"idle_per_mille": round(1000 * max(used) / _IDLE_S)})


def _cpu_s(pid: int) -> float:
    """Processor time that a process has used, in s."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _pause_ms(client: Client, shard: Streams, at_ms: int) -> int:
    """How long a shard got no prediction to what was published after a moment."""
    first: Any = client.xrange(shard.listings, at_ms, count=1)
    published = EntryId.parse(first[0][0])
    for answer_id, fields in client.xrange(shard.predictions, at_ms):
        answered = EntryId.parse(fields[b"data"].split(b'"id":"')[1].split(b'"')[0])
        if answered >= published:
            return EntryId.parse(answer_id).ms - published.ms
    raise AssertionError(f"{shard}: nothing that was published after {at_ms} was predicted")


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
