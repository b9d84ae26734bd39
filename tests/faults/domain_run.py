"""One domain on the Redis of a fault round: its load, its consumers, each in its own process, and their counters."""

from __future__ import annotations

import os
import signal
import uuid
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import redis
import redis.exceptions

from schemas.shards import ShardLayout
from schemas.states import DesiredModel
from schemas.streams import SCORERS, Streams
from tests import activation
from tests.faults import victim
from tests.faults.load import Load
from tests.faults.proxy import COMMIT
from tests.faults.victim import VictimOptions
from tests.waiting import wait_until

START_S = 30


def activate(client: redis.Redis, streams: Streams, version: int) -> str:
    """Make a plain model the desired one; returns its activation. Its digest is new, so that consumers load it."""
    desired = DesiredModel(activation="", version=str(version), digest=uuid.uuid4().hex, uri="plain")
    return activation.activate(client, streams, desired)


class DomainRun:
    """One domain in a round: its keys, its load, its consumers and their counters.

    Attributes:
        streams: its keys.
        shards: those of each shard, as many as the setting `shards` says.
        load: publishes its listings.
        folder: where consumers leave counters and logs.
        processes: the running process of each consumer.
        score_ms: how long consumers that are started from now on take to score a batch.
        is_broken: whether they acknowledge before they write.
    """

    def __init__(self, url: str, prefix: str, folder: Path, changes: dict[str, Any], rate: int, seed: int) -> None:
        self.url = url
        self.streams = Streams(prefix)
        count = changes.get("shards", 1)
        self.shards = ShardLayout(count=count, read=count).streams(self.streams)
        self.load = Load(url, self.shards, rate, seed)
        self.processes: dict[str, BaseProcess] = {}
        self.score_ms = 0.0
        self.is_broken = False
        self.folder = folder / prefix
        self.folder.mkdir()
        self._changes = changes
        self._options: dict[str, VictimOptions] = {}

    def start(self, name: str, through: str | None = None) -> None:
        """Start a consumer, behind the proxy at `through` if given; `wait_until_up` waits until it works."""
        life = self._options[name].life + 1 if name in self._options else 1
        options = VictimOptions(
            through or self.url,
            self.streams.prefix,
            name,
            self._changes,
            self.folder,
            life,
            self.score_ms,
            self.is_broken,
        )
        self.processes[name] = victim.start(options)
        self._options[name] = options

    def reshard(self, count: int) -> None:
        """Publish to so many shards from now on; those that there were before are still looked at."""
        read = max(count, len(self.shards))
        self.shards = ShardLayout(count=count, read=read).streams(self.streams)
        self.load.shards = self.shards[:count]

    def wait_until_up(self) -> None:
        """Wait until every consumer that was started works."""
        for name in self.processes:
            up_file = self._options[name].up_file
            wait_until(up_file.exists, timeout_s=START_S, message=f"consumer {name} is up")

    @property
    def commit(self) -> tuple[bytes, bytes]:
        """Bytes that a commit of this domain sends, and that the commit of the start-up probe does not."""
        return COMMIT, f"\n{self.streams.predictions}\r".encode()

    def kill(self, name: str) -> None:
        """Kill a consumer with SIGKILL."""
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
        """Stop every consumer, and check that each exited with 0."""
        for name, process in self.processes.items():
            self.signal(name, signal.SIGCONT)
            process.terminate()
        for process in self.processes.values():
            process.join(30)
        codes = {name: process.exitcode for name, process in self.processes.items()}
        assert set(codes.values()) <= {0}, codes
        self.processes.clear()

    def destroy(self) -> None:
        """Stop the load, and kill the consumers that are left."""
        self.load.stop()
        for name in list(self.processes):
            self.kill(name)

    def counters(self) -> Counter[str]:
        """Entries claimed, fenced, restored and gone_in_hand, and commits retried, over all runs of the consumers."""
        return Counter(victim.read_counters(self.folder))

    def answered(self, client: redis.Redis) -> int:
        """How many entries have an outcome, as counted."""
        counts: list[Any] = [client.hget(shard.progress, "answered") for shard in self.shards]
        return sum(int(count or 0) for count in counts)

    def pending(self, client: redis.Redis, name: str | None = None) -> int:
        """How many entries are pending, of one consumer or of all; 0 while there is no consumer group."""
        return sum(_pending(client, shard, name) for shard in self.shards)


def _pending(client: redis.Redis, shard: Streams, name: str | None) -> int:
    try:
        summary: Any = client.xpending(shard.listings, SCORERS)
    except redis.exceptions.ResponseError:
        return 0
    if name is None:
        return int(summary["pending"])
    return sum(int(each["pending"]) for each in summary["consumers"] if each["name"] == name.encode())
