"""Sentinels let a replica take over under load, and everything that has their address follows the master."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.conftest import Record, StartRound
from tests.faults.harness import wait_for
from tests.faults.takeover import seconds_until_answers
from tests.watched_redis import WatchedRedis, role_of

pytestmark = pytest.mark.cluster
LONGEST_SEARCH_S = 5.0
"""After the takeover, in which the Sentinel that is asked learns of it and the processes find the new master."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WatchedRedis]:
    watched = WatchedRedis(tmp_path_factory.mktemp("sentinel"))
    watched.start()
    yield watched
    watched.stop()


def times(begin: float, taken_over: float, search_s: float) -> dict[str, int]:
    """How long the takeover took, and how long it took to find the new master after it."""
    return {"takeover_ms": round(1000 * (taken_over - begin)), "search_ms": round(1000 * search_s)}


def test_forced_failover(watched: WatchedRedis, start_round: StartRound, record: Record) -> None:
    """What the replica had received keeps one outcome; what it had not received is lost, and counted here."""
    round_ = start_round(watched.url)
    round_.start("a", "b")
    former = watched.master
    begin = time.monotonic()
    master = watched.fail_over()
    assert master is not former
    taken_over = time.monotonic()
    search_s = max(seconds_until_answers(run, master, taken_over) for run in round_.runs)
    assert search_s < LONGEST_SEARCH_S
    wait_for(lambda: role_of(former) == "slave", "the former master is a replica")
    round_.wait_for_answers()
    figures = round_.finish(is_undone=True)
    figures |= {"failovers": 1, **times(begin, taken_over, search_s)}
    record(figures)


def test_master_killed(watched: WatchedRedis, start_round: StartRound, record: Record) -> None:
    """As above, where the master cannot say goodbye, and the first Sentinel of the address is away too."""
    round_ = start_round(watched.url)
    round_.start("a", "b")
    watched.kill_sentinel(0)
    former = watched.master
    begin = time.monotonic()
    former.kill()
    master = watched.wait_for_other_owner("", former)
    taken_over = time.monotonic()
    search_s = max(seconds_until_answers(run, master, taken_over) for run in round_.runs)
    assert search_s < LONGEST_SEARCH_S
    former.start()
    wait_for(lambda: role_of(former) == "slave", "the killed master comes back as a replica")
    round_.wait_for_answers()
    figures = round_.finish(is_undone=True)
    figures |= {"masters_killed": 1, **times(begin, taken_over, search_s)}
    record(figures)
