"""One domain on the Redis of a fault round: its load, its consumers in processes of their own, and what they tell."""

from __future__ import annotations

import os
import signal
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import redis
import redis.exceptions

from schemas.commands import ModelEvent
from schemas.streams import SCORERS, Streams
from tests.faults import victim
from tests.faults.load import Load
from tests.faults.proxy import COMMIT
from tests.faults.victim import Order
from tests.waiting import wait_until

START_S = 30

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


class DomainRun:
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
        self.processes[name] = victim.start(order)
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
