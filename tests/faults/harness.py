"""A fault round: consumers in processes of their own under load, twice at once, with deduplication off and on.

A test starts a `Round`, does its mischief, says what proves that it happened, and asks for the verdict: every receipt
has exactly one outcome, and everything else that `tasador verify` looks at holds too.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import redis
import redis.exceptions

from monitoring.checking.report import Checker, Report
from monitoring.reading import last_delivered, pending
from monitoring.verify import published, verify
from schemas.commands import ModelEvent
from schemas.streams import SCORERS, Streams
from tests.consumer.harness import HOUSING, Client
from tests.faults import prey
from tests.faults.load import Load
from tests.faults.prey import Order
from tests.faults.proxy import COMMIT
from tests.waiting import POLL_S, wait_until
from transport.connection import connect

ROOT = Path(__file__).parents[2]
START_S = 30
SETTLE_S = 60

_ACTIVATE = """
local activation = redis.call('XADD', KEYS[1], '*', 'data', ARGV[1])
redis.call('HSET', KEYS[2], 'activation', activation, 'version', ARGV[2], 'digest', activation, 'uri', 'plain')
return activation
"""


def activate(client: redis.Redis, streams: Streams, version: int) -> str:
    """Make a plain model the desired one, in one step as the worker does; its activation."""
    event = ModelEvent.of("test", "model.activated", version=str(version))
    reply: Any = client.eval(_ACTIVATE, 2, streams.model_events, streams.model, event.model_dump_json(), version)
    return str(reply.decode())


class Lane:
    """One domain's keys on the Redis of a round: its load, its consumers, and what they tell of themselves.

    Attributes:
        streams: its keys.
        load: what is published.
        folder: where they leave tallies and logs.
        processes: the living process of each consumer.
        score_ms: how long consumers that are started from now on take to score a batch.
        is_broken: whether they acknowledge apart from writing.
    """

    def __init__(self, url: str, prefix: str, folder: Path, changes: dict[str, Any], rate: int, seed: int) -> None:
        self.url = url
        self.streams = Streams(prefix)
        self.load = Load(url, self.streams, rate, seed)
        self.processes: dict[str, BaseProcess] = {}
        self.score_ms = 0.0
        self.is_broken = False
        self.folder = folder
        self._changes = changes
        self._lives: Counter[str] = Counter()
        self._up: dict[str, Path] = {}

    def start(self, name: str, through: str | None = None) -> None:
        """Start a consumer, on a proxy if one is named; `wait_up` waits until it lives."""
        self._lives[name] += 1
        tally = self.folder / f"{self.streams.prefix}.{name}.{self._lives[name]}"
        order = Order(
            through or self.url, self.streams.prefix, name, self._changes, str(tally), self.score_ms, self.is_broken
        )
        self.processes[name] = prey.start(order)
        self._up[name] = Path(f"{tally}.up")

    def wait_up(self) -> None:
        """Wait until every consumer that was started has begun to work."""
        for name in self.processes:
            wait_until(self._up[name].exists, timeout_s=START_S, message=f"consumer {name} is up")

    @property
    def commit(self) -> tuple[bytes, bytes]:
        """What a commit of this lane carries on the wire, and the trial at start does not."""
        return COMMIT, f"\n{self.streams.predictions}\r".encode()

    def kill(self, name: str) -> None:
        """End a consumer as a crash would."""
        process = self.processes.pop(name)
        process.kill()
        process.join()

    def signal(self, name: str, which: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid(name), which)

    def pid(self, name: str) -> int:
        """The process id of a consumer."""
        pid = self.processes[name].pid
        assert pid is not None
        return pid

    def stop(self) -> None:
        """Let every consumer finish, and check that each did."""
        for name, process in self.processes.items():
            self.signal(name, signal.SIGCONT)
            process.terminate()
        for process in self.processes.values():
            process.join(30)
        codes = {name: process.exitcode for name, process in self.processes.items()}
        assert set(codes.values()) <= {0}, codes
        self.processes.clear()

    def destroy(self) -> None:
        """End what still runs, whatever state it is in."""
        self.load.stop()
        for name in list(self.processes):
            self.kill(name)

    def tally(self) -> Counter[str]:
        """What the consumers told so far, over all their lives: claimed, fenced, retried, restored, lost."""
        told: Counter[str] = Counter()
        for file in self.folder.glob(f"{self.streams.prefix}.*.*[0-9]"):
            for line in file.read_text().splitlines():
                word, number = line.split()
                told[word] += int(number)
        return told

    def answered(self, client: redis.Redis) -> int:
        """How many entries have an outcome, as counted."""
        reply: Any = client.hget(self.streams.progress, "answered")
        return int(reply or 0)

    def pending(self, client: redis.Redis, name: str | None = None) -> int:
        """How many entries are pending, of one consumer or of all; 0 while there is no group."""
        try:
            summary: Any = client.xpending(self.streams.listings, SCORERS)
        except redis.exceptions.ResponseError:
            return 0
        if name is None:
            return int(summary["pending"])
        return sum(int(each["pending"]) for each in summary["consumers"] if each["name"] == name.encode())


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
            Lane(url, f"{prefix}-{word}", folder, {**changes, "dedup_seconds": seconds}, rate, seed + seconds)
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

    def _forget_undone(self, client: Client, lane: Lane) -> int:
        kept = set(published(client, lane.streams))
        receipts = lane.load.receipts
        lane.load.receipts = [entry for entry in receipts if entry in kept]
        return len(receipts) - len(lane.load.receipts)

    def _settle(self, client: Client, lane: Lane) -> None:
        deadline = time.monotonic() + SETTLE_S
        while not settled(client, lane.streams):
            if time.monotonic() > deadline:
                held = client.xpending_range(lane.streams.listings, SCORERS, "-", "+", 10)
                verdict = verify(client, lane.streams, published(client, lane.streams))
                raise AssertionError(f"{lane.streams}: {verdict}; pending {held}; see {lane.folder}")
            time.sleep(POLL_S)

    def check(self, client: redis.Redis, lane: Lane) -> Report:
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
