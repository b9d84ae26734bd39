"""Millions of listings while consumers are killed: ``make soak EVENTS=10000000``, by hand, because it takes an hour."""

from __future__ import annotations

import os
import threading
import time

import pytest

from operations.verification.checker import Checker
from schemas.streams import SCORERS
from tests.conftest import StartRedis
from tests.consumer.harness import HOUSING, Client, publish_numbered
from tests.faults.conftest import Record, StartRound
from tests.faults.domain_run import DomainRun
from tests.faults.harness import Round, is_done, wait_for

pytestmark = pytest.mark.soak
PORTION = 100_000
CHUNK = 1000


class Killer:
    """Kills consumers of a run at random, and starts them again."""

    def __init__(self, round_: Round, run: DomainRun) -> None:
        self._round, self._domain_run = round_, run
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop killing."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._round.random.uniform(0.5, 2.0)):
            name = self._round.random.choice("ab")
            with self._round.client() as client:
                self._domain_run.kill(name)
                self._round.count(kills=1, held_by_killed=self._domain_run.pending(client, name))
            self._domain_run.start(name)


@pytest.mark.timeout(0)
def test_soak(private_redis: StartRedis, start_round: StartRound, record: Record) -> None:
    """Publish in portions, so that each is checked before its predictions are trimmed."""
    events = int(os.environ.get("EVENTS") or 10_000_000)
    server = private_redis("--appendonly", "yes", "--appendfsync", "everysec")
    big = {"max_records": 1000, "block_ms": 100}
    round_ = start_round(server.url, batch=big, retention={"listings": 3 * PORTION, "answers": 3 * PORTION})
    begin = time.monotonic()
    for run in round_.runs:
        for name in "ab":
            run.start(name)
        run.wait_until_up()
        killer = Killer(round_, run)
        with round_.client() as client:
            for first in range(0, events // len(round_.runs), PORTION):
                check_portion(client, round_, run, first)
        killer.stop()
        # a consumer that is still starting cannot leave the group cleanly
        run.wait_until_up()
        run.stop()
    figures = dict(round_.counts) | {"seconds": round(time.monotonic() - begin)}
    for run in round_.runs:
        for name, number in run.counters().items():
            figures[name] = figures.get(name, 0) + number
    assert figures["held_by_killed"] > 0
    assert figures["claimed"] > 0
    record(figures)


def check_portion(client: Client, round_: Round, run: DomainRun, first: int) -> None:
    """Publish one portion, wait for its outcomes, and check them."""
    receipts: list[str] = []
    for chunk in range(0, PORTION, CHUNK):
        receipts += publish_numbered(client, run.streams, CHUNK, first + chunk)
    wait_for(lambda: is_done(client, run.streams, receipts[-1]), "answered", 300)
    report = Checker(client, run.streams, HOUSING, 60_000).check(receipts)
    assert report.is_complete, report.problems[:20]
    round_.count(receipts=len(receipts), rows=report.rows, batches=report.batches, **report.verdict.outcomes)
    assert not list(client.xpending_range(run.streams.listings, SCORERS, "-", "+", 1))
