"""A fault round: two domains at once, with consumers in their own processes under load, deduplication off and on.

A test starts a `Round`, injects its fault, counts what proves that it happened, and calls `finish`: every receipt has
exactly one outcome, and everything else that `tasador verify` checks holds too.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
import redis.exceptions

from operations.verification.checker import Checker
from operations.verification.report import VerificationReport
from operations.verify import published, verify
from schemas.streams import SCORERS, Streams
from tests.consumer.harness import HOUSING, Client
from tests.faults.domain_run import DomainRun, activate
from tests.faults.load import ASKER
from tests.sharding import set_shards
from tests.waiting import POLL_S, wait_until
from transport.answers import answered_entry
from transport.connection import connect
from transport.reading import last_delivered, pending, scan

ROOT = Path(__file__).parents[2]
SETTLE_S = 60


class Round:
    """Two domain runs on one Redis, one without deduplication and one with it; on a cluster in a slot each.

    Attributes:
        runs: the one with deduplication off, then the one with it on.
        random: seeded; every random choice of a round uses it.
        counts: what proves the fault, by name; `count` adds to it.
    """

    def __init__(
        self, name: str, url: str, prefix: str, folder: Path, seed: int, rate: int = 1000, **changes: Any
    ) -> None:
        self.name = name
        self.url = url
        self.random = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.runs = tuple(
            DomainRun(url, f"{{{prefix}-{word}}}", folder, {**changes, "dedup_seconds": seconds}, rate, seed + seconds)
            for word, seconds in (("off", 0), ("on", 300))
        )
        for run in self.runs:
            with self.client() as client:
                activate(client, run.streams, 2)
                if len(run.shards) > 1:
                    # by their setting, consumers would write it unless the load has come before them
                    set_shards(client, run.streams, len(run.shards))
                for shard in run.shards:
                    client.xadd(shard.replies(ASKER), {"asker": ASKER})

    @contextmanager
    def client(self) -> Iterator[Client]:
        """A client of the round's Redis."""
        with connect(self.url) as client:
            yield client

    def start(self, *names: str, through: str | None = None) -> None:
        """Start consumers in both runs, then the load if it is not running, and wait until entries are answered."""
        for run in self.runs:
            for name in names:
                run.start(name, through)
        for run in self.runs:
            run.wait_until_up()
            if not run.load.receipts:
                run.load.start()
        self.wait_for_answers()

    def wait_for_answers(self, more: int = 100, timeout_s: float = 30) -> None:
        """Wait until each run has answered this many more entries."""
        with self.client() as client:
            goals = [run.answered(client) + more for run in self.runs]
            for run, goal in zip(self.runs, goals, strict=True):
                wait_until(lambda run=run, goal=goal: run.answered(client) >= goal, timeout_s, "entries are answered")  # type: ignore[misc]

    def count(self, **facts: int) -> None:
        """Add to the counts that prove the fault."""
        self.counts.update(facts)

    def finish(self, *, is_undone: bool = False) -> Counter[str]:
        """Stop the load, wait until everything is answered, and check it; returns the figures of the round.

        With `is_undone`, Redis may have lost confirmed entries: their receipts are counted, and the others checked.

        Raises:
            AssertionError: an entry is lost, answered twice or still pending.
        """
        return self.finish_runs(self.runs, is_undone=is_undone)

    def finish_runs(self, runs: Sequence[DomainRun], *, is_undone: bool = False) -> Counter[str]:
        """As `finish`, for some of its runs."""
        for run in runs:
            run.load.stop()
        with self.client() as client:
            for run in runs:
                self._settle(client, run)
                if is_undone:
                    self.count(receipts_undone=self._forget_undone(client, run))
            reports = [self.check(client, run) for run in runs]
        for run in runs:
            run.stop()
        counters: Counter[str] = Counter()
        for run in runs:
            counters.update(run.counters())
        outcomes: Counter[str] = Counter()
        for report in reports:
            outcomes.update(report.verdict.outcomes)
        entries = sum(report.verdict.entries for report in reports)
        receipts = sum(len(run.load.receipts) for run in runs)
        unknown = sum(run.load.unknown for run in runs)
        figures: Counter[str] = Counter(entries=entries, receipts=receipts, publishes_unknown=unknown)
        return figures + outcomes + counters + self.counts

    def _forget_undone(self, client: Client, run: DomainRun) -> int:
        kept = set(published(client, run.streams))
        receipts = run.load.receipts
        run.load.receipts = [entry for entry in receipts if entry in kept]
        return len(receipts) - len(run.load.receipts)

    def _settle(self, client: Client, run: DomainRun) -> None:
        deadline = time.monotonic() + SETTLE_S
        while not all(settled(client, shard) for shard in run.shards):
            if time.monotonic() > deadline:
                held = [client.xpending_range(shard.listings, SCORERS, "-", "+", 10) for shard in run.shards]
                verdict = verify(client, run.streams, published(client, run.streams))
                raise AssertionError(f"{run.streams}: {verdict}; pending {held}; see {run.folder}")
            time.sleep(POLL_S)

    def check(self, client: redis.Redis, run: DomainRun) -> VerificationReport:
        """Check that every receipt and every entry of the stream has exactly one outcome, and all records agree."""
        receipts = verify(client, run.streams, run.load.receipts)
        assert receipts.is_kept, receipts
        checker = Checker(client, run.streams, HOUSING, SETTLE_S * 1000)
        report = checker.check(set(published(client, run.streams)), is_everything=True)
        assert report.is_complete, report.problems[:20]
        assert report.rows > 0
        for shard in run.shards:
            self._check_replies(client, shard)
        return report

    def _check_replies(self, client: redis.Redis, streams: Streams) -> None:
        """No entry has two replies, and each that asked has one unless the fault removed the stream of replies."""
        replied = Counter(
            answered_entry(fields) for _, fields in scan(client, streams.replies(ASKER)) if b"data" in fields
        )
        assert set(replied.values()) <= {1}, replied.most_common(5)
        if client.exists(streams.replies(ASKER)):
            asked = {entry_id.decode() for entry_id, fields in scan(client, streams.listings) if b"replyto" in fields}
            assert asked <= set(replied), sorted(asked - set(replied))[:5]
            self.count(replies=len(replied))

    def destroy(self) -> None:
        """Kill the consumers of both runs."""
        for run in self.runs:
            run.destroy()


def is_done(client: redis.Redis, streams: Streams, last: str) -> bool:
    """Whether everything up to the last entry has been delivered, and nothing is pending."""
    return str(last_delivered(client, streams)) == last and not any(pending(client, streams))


def settled(client: Client, streams: Streams) -> bool:
    """Whether all that is published has been delivered, and nothing is pending; False while Redis does not answer."""
    try:
        newest = client.xrevrange(streams.listings, count=1)
        return not newest or is_done(client, streams, newest[0][0].decode())
    except (redis.exceptions.RedisError, OSError):
        return False


def wait_for(fact: Callable[[], object], what: str, timeout_s: float = 30) -> None:
    """As `wait_until`; an error of Redis means not yet."""

    def is_so() -> object:
        try:
            return fact()
        except (redis.exceptions.RedisError, OSError):
            return False

    wait_until(is_so, timeout_s, what)
