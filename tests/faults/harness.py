"""A fault round: consumers in processes of their own under load, twice at once, with deduplication off and on.

A test starts a `Round`, does its mischief, says what proves that it happened, and asks for the verdict: every receipt
has exactly one outcome, and everything else that `tasador verify` looks at holds too.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
import redis.exceptions

from operations.verification.report import Checker, VerificationReport
from operations.verify import published, verify
from schemas.streams import SCORERS, Streams
from tests.consumer.harness import HOUSING, Client
from tests.faults.domain_run import DomainRun, activate
from tests.waiting import POLL_S, wait_until
from transport.connection import connect
from transport.reading import last_delivered, pending

ROOT = Path(__file__).parents[2]
SETTLE_S = 60


class Round:
    """Two lanes on one Redis, one without deduplication and one with it.

    Attributes:
        lanes: deduplication off, then on.
        random: seeded; every choice of a round comes from it.
        seen: what proves the fault, by name; `saw` adds to it.
        is_counted: whether all predictions can be expected to add up to the counted sum.
    """

    def __init__(
        self, name: str, url: str, prefix: str, folder: Path, seed: int, rate: int = 1000, **changes: Any
    ) -> None:
        self.name = name
        self.url = url
        self.random = random.Random(seed)
        self.seen: Counter[str] = Counter()
        self.is_counted = True
        self.lanes = tuple(
            DomainRun(url, f"{prefix}-{word}", folder, {**changes, "dedup_seconds": seconds}, rate, seed + seconds)
            for word, seconds in (("off", 0), ("on", 300))
        )
        for lane in self.lanes:
            with self.client() as client:
                activate(client, lane.streams, 2)

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A client of the round's Redis."""
        with connect(self.url) as client:
            yield client

    def start(self, *names: str, through: str | None = None) -> None:
        """Start consumers in both lanes, then the load where it does not run yet, and wait until answers flow."""
        for lane in self.lanes:
            for name in names:
                lane.start(name, through)
        for lane in self.lanes:
            lane.wait_up()
            if not lane.load.receipts:
                lane.load.start()
        self.wait_for_answers()

    def wait_for_answers(self, more: int = 100, timeout_s: float = 30) -> None:
        """Wait until each lane has answered so many more entries."""
        with self.client() as client:
            goals = [lane.answered(client) + more for lane in self.lanes]
            for lane, goal in zip(self.lanes, goals, strict=True):
                wait_until(lambda lane=lane, goal=goal: lane.answered(client) >= goal, timeout_s, "answers flow")  # type: ignore[misc]

    def saw(self, **facts: int) -> None:
        """Note what proves the fault."""
        self.seen.update(facts)

    def wait_for_tally(self, word: str, timeout_s: float = 30) -> None:
        """Wait until a consumer of each lane has told of this."""
        for lane in self.lanes:
            wait_until(lambda lane=lane: lane.tally()[word], timeout_s, f"{word} in {lane.streams.prefix}")  # type: ignore[misc]

    def finish(self, *, is_undone: bool = False) -> Counter[str]:
        """End the load, wait until everything is answered, and check it; the figures of the round.

        With `is_undone` receipts may have gone with data that Redis lost: they are counted, and the others checked.

        Raises:
            AssertionError: an entry is lost, answered twice or still waiting.
        """
        for lane in self.lanes:
            lane.load.stop()
        with self.client() as client:
            for lane in self.lanes:
                self._settle(client, lane)
                if is_undone:
                    self.saw(receipts_undone=self._forget_undone(client, lane))
            reports = [self.check(client, lane) for lane in self.lanes]
            tallies = [lane.tally() for lane in self.lanes]
        for lane in self.lanes:
            lane.stop()
        told: Counter[str] = Counter()
        for tally in tallies:
            told.update(tally)
        outcomes: Counter[str] = Counter()
        for report in reports:
            outcomes.update(report.verdict.outcomes)
        entries = sum(report.verdict.entries for report in reports)
        receipts = sum(len(lane.load.receipts) for lane in self.lanes)
        figures: Counter[str] = Counter(entries=entries, receipts=receipts)
        return figures + outcomes + told + self.seen

    def _forget_undone(self, client: Client, lane: DomainRun) -> int:
        kept = set(published(client, lane.streams))
        receipts = lane.load.receipts
        lane.load.receipts = [entry for entry in receipts if entry in kept]
        return len(receipts) - len(lane.load.receipts)

    def _settle(self, client: Client, lane: DomainRun) -> None:
        deadline = time.monotonic() + SETTLE_S
        while not settled(client, lane.streams):
            if time.monotonic() > deadline:
                held = client.xpending_range(lane.streams.listings, SCORERS, "-", "+", 10)
                verdict = verify(client, lane.streams, published(client, lane.streams))
                raise AssertionError(f"{lane.streams}: {verdict}; pending {held}; see {lane.folder}")
            time.sleep(POLL_S)

    def check(self, client: redis.Redis, lane: DomainRun) -> VerificationReport:
        """Every receipt has exactly one outcome; so has every entry of the stream, and all that is written agrees."""
        receipts = verify(client, lane.streams, lane.load.receipts)
        assert receipts.is_kept, receipts
        checker = Checker(client, lane.streams, HOUSING, SETTLE_S * 1000)
        report = checker.check(set(published(client, lane.streams)), is_everything=self.is_counted)
        assert report.is_complete, report.problems[:20]
        assert report.rows > 0
        return report

    def destroy(self) -> None:
        """End everything."""
        for lane in self.lanes:
            lane.destroy()


def is_done(client: redis.Redis, streams: Streams, last: str) -> bool:
    """Whether everything up to the last entry has been delivered, and nothing is pending."""
    return str(last_delivered(client, streams)) == last and not any(pending(client, streams))


def settled(client: Client, streams: Streams) -> bool:
    """Whether all that is published has been delivered, and nothing is pending; False while Redis cannot say."""
    try:
        newest = client.xrevrange(streams.listings, count=1)
        return not newest or is_done(client, streams, newest[0][0].decode())
    except (redis.exceptions.RedisError, OSError):
        return False


def wait_for(fact: Callable[[], object], what: str, timeout_s: float = 30) -> None:
    """As `wait_until`; whatever Redis answers meanwhile means not yet."""

    def is_so() -> object:
        try:
            return fact()
        except (redis.exceptions.RedisError, OSError):
            return False

    wait_until(is_so, timeout_s, what)


def delete_all(client: redis.Redis, prefix: str) -> None:
    """Remove every key of a round."""
    while keys := list(client.scan_iter(f"{prefix}*", count=1000)):
        client.delete(*keys)
