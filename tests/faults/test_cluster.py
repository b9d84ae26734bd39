"""A cluster loses its masters and moves its slots under load; a domain lives in one slot."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import pytest

from tests.faults.conftest import Record, StartRound
from tests.faults.domain_run import DomainRun
from tests.faults.harness import Round, wait_for
from tests.faults.takeover import seconds_until_answers
from tests.redis_cluster import RedisCluster
from tests.redis_server import RedisServer
from tests.waiting import wait_until
from transport.connection import connect
from transport.slots import slot_of_key

pytestmark = pytest.mark.cluster
LONGEST_SEARCH_S = 3.0
"""After the takeover, in which the processes find the new master."""


def finish(round_: Round, record: Record, **facts: int) -> None:
    record({**round_.finish(is_undone=True), **facts})


def other_master(cluster: RedisCluster, key: str, owner: RedisServer) -> RedisServer:
    """A master that does not own a key's slot."""
    return next(node for node in cluster.masters() if node is not owner)


def _has_retried(run: DomainRun, goal: int) -> bool:
    return run.counters()["retried"] >= goal


def test_master_of_the_slot_killed(cluster: RedisCluster, start_round: StartRound, record: Record) -> None:
    """What the replica had received keeps one outcome; what it had not received is lost, and counted here."""
    round_ = start_round(cluster.url)
    run = round_.runs[0]
    run.score_ms = 30
    round_.start("a", "b")
    former = cluster.owner(run.streams.listings)
    with connect(former.url) as client:
        held = wait_until(lambda: run.pending(client), message="a batch is between its read and its commit")
    begin = time.monotonic()
    former.kill()
    master = cluster.wait_for_other_owner(run.streams.listings, former)
    taken_over = time.monotonic()
    search_s = seconds_until_answers(run, master, taken_over)
    assert search_s < LONGEST_SEARCH_S
    former.start()
    round_.wait_for_answers()
    takeover_ms, search_ms = round(1000 * (taken_over - begin)), round(1000 * search_s)
    finish(round_, record, masters_killed=1, held_at_kill=held, takeover_ms=takeover_ms, search_ms=search_ms)
    assert run.counters()["retried"], "no commit met the fault"


def test_master_of_the_slot_silent(cluster: RedisCluster, start_round: StartRound, record: Record) -> None:
    """A master that answers nobody is replaced; when it wakes up, it finds itself a replica."""
    round_ = start_round(cluster.url)
    round_.start("a", "b")
    run = round_.runs[0]
    former = cluster.owner(run.streams.listings)
    os.kill(former.pid, signal.SIGSTOP)
    try:
        master = cluster.wait_for_other_owner(run.streams.listings, former)
        search_s = seconds_until_answers(run, master, time.monotonic())
        assert search_s < LONGEST_SEARCH_S
    finally:
        os.kill(former.pid, signal.SIGCONT)
    round_.wait_for_answers()
    finish(round_, record, masters_silent=1, search_ms=round(1000 * search_s))


def test_slot_moved_under_load(cluster: RedisCluster, start_round: StartRound, record: Record) -> None:
    """Nothing is lost, and nothing answered twice; commits wait as long as the slot is between two nodes."""
    round_ = start_round(cluster.url)
    round_.start("a", "b")
    run = round_.runs[0]
    slot, keys = slot_of_key(run.streams.listings), 0
    for _ in range(3):
        source = cluster.owner(run.streams.listings)
        target = other_master(cluster, run.streams.listings, source)
        retried = run.counters()["retried"]
        assert cluster.open_move(slot, target) is source
        wait_for(partial(_has_retried, run, retried + 1), "a commit meets the open move")
        keys += cluster.move_keys(slot, source, target)
        cluster.close_move(slot, source, target)
        assert cluster.owner(run.streams.listings) is target
        round_.wait_for_answers()
    assert keys >= 3 * 5
    figures = round_.finish()
    record(figures | {"slots_moved": 3, "keys_moved": keys})
