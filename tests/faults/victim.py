"""A consumer in its own process, which a fault round kills, stops and cuts off.

It is the product's consumer with the product's settings and timeouts. Only its models are plain (version v prices a
listing at v times its rooms), and it is forked from a server that has imported everything, so that it starts at once.
Its Prometheus counters are in memory-mapped files, which survive a SIGKILL.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import time
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, Counter, values
from prometheus_client.multiprocess import MultiProcessCollector
from redis.asyncio import Redis

from consumer.committer import Committer, Receipt
from consumer.consumer import Consumer
from consumer.flow import Flow
from consumer.served_model import ServedModel
from registry.card import ModelCard
from schemas.rollouts import DesiredRollout
from schemas.rows import Matrix
from schemas.settings import Settings
from schemas.stamp import Stamp
from schemas.states import DesiredModel
from schemas.streams import SCORERS
from service import logs
from tests.consumer.doomed import crash_or_hang
from tests.consumer.harness import HOUSING, PlainScorer, settings_for
from transport.connection import connect, connect_async

_CARD = ModelCard.model_construct(key_feature=None)  # type: ignore[call-arg]
_COUNTERS = {
    "claimed": "tasador_claimed_entries_total",
    "fenced": "tasador_fenced_entries_total",
    "gone_in_hand": "tasador_lost_entries_total",
    "retried": "tasador_commit_retries_total",
    "restored": "test_restored_entries_total",
}


@dataclass
class VictimOptions:
    """Options of one consumer process.

    Attributes:
        url: of the Redis, or of the proxy before it.
        prefix: of the domain's keys.
        name: of the consumer.
        changes: settings that differ from those of the tests.
        folder: for its counters, its log, and the file that shows that it is up.
        life: how often a consumer of this name has been started.
        score_ms: how long a scoring call takes.
        is_broken: whether it acknowledges a batch before it writes the outcomes, the fault that the check must detect.
    """

    url: str
    prefix: str
    name: str
    changes: dict[str, Any]
    folder: Path
    life: int
    score_ms: float = 0.0
    is_broken: bool = False

    @property
    def up_file(self) -> Path:
        """Exists once the consumer works."""
        return self.folder / f"{self.name}.{self.life}.up"


class VersionScorer(PlainScorer):
    """Prices by version."""

    @property
    def card(self) -> ModelCard:
        """A card without a key feature."""
        return _CARD


class CountingCommitter:
    """Commits, and counts the entries that became pending again."""

    def __init__(self, committer: Committer, restored: Counter) -> None:
        self._committer = committer
        self._restored = restored

    async def commit(self, batch: Any) -> Receipt:
        """Commit one batch."""
        receipt = await self._committer.commit(batch)
        self._restored.inc(receipt.restored)
        return receipt


class BrokenCommitter:
    """Acknowledges first, makes pending again what the commit acknowledges, and then commits: a crash loses entries."""

    def __init__(self, committer: CountingCommitter, client: Redis, settings: Settings, name: str) -> None:
        self._committer = committer
        self._client = client
        self._key = settings.streams.listings
        self._name = name

    async def commit(self, batch: Any) -> Receipt:
        """Commit one batch, in two steps."""
        await self._client.xack(self._key, SCORERS, *batch.entry_ids)
        await asyncio.sleep(0.01)
        for entry_id in batch.entry_ids:
            await self._client.xclaim(self._key, SCORERS, self._name, 0, [entry_id], force=True, justid=True)
        return await self._committer.commit(batch)


def load(score_ms: float, desired: DesiredModel, stamp: Stamp) -> ServedModel:
    """Make a plain model instead of fetching one."""

    def before(matrix: Matrix) -> None:
        crash_or_hang(matrix)
        time.sleep(score_ms / 1000)

    low, high = np.full(len(HOUSING.columns), -np.inf), np.full(len(HOUSING.columns), np.inf)
    return ServedModel(VersionScorer(float(desired.version), before), stamp, low, high)


async def load_challenger(score_ms: float, desired: DesiredRollout) -> ServedModel:
    """Make a plain challenger instead of trying and fetching one."""
    return load(score_ms, desired.challenger, Stamp(desired.version, desired.id, desired.id, "challenger"))


def read_counters(folder: Path) -> dict[str, int]:
    """The sum of the counters of all consumers whose folder this is, the dead ones too."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(folder))  # type: ignore[no-untyped-call]
    return {word: int(registry.get_sample_value(name) or 0) for word, name in _COUNTERS.items()}


async def main(options: VictimOptions) -> None:
    """Consume until SIGTERM."""
    log = os.open(options.folder / f"{options.name}.{options.life}.log", os.O_WRONLY | os.O_CREAT)
    os.dup2(log, sys.stderr.fileno())
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(options.folder)
    # the forkserver chose it on import, before this folder was known
    values.ValueClass = values.get_value_class()  # type: ignore[no-untyped-call]
    settings = settings_for(options.prefix, **options.changes)
    logs.configure(settings)
    client, searcher = connect_async(options.url), connect(options.url)
    consumer = Consumer(client, searcher, HOUSING, settings, options.name, 0)
    consumer.follower._load = partial(load, options.score_ms)  # type: ignore[method-assign]
    consumer.rollouts._fetch = partial(load_challenger, options.score_ms)  # type: ignore[method-assign]
    restored = Counter("test_restored_entries", "Entries pending again after a commit", registry=consumer.registry)
    build_flow = consumer.build_flow

    def build_counting(shard: int) -> Flow:
        flow = build_flow(shard)
        committer: Any = CountingCommitter(flow.scoring_loop.answerer.committer, restored)
        if options.is_broken:
            committer = BrokenCommitter(committer, client, settings, options.name)
        flow.scoring_loop.answerer.committer = committer
        return flow

    consumer.build_flow = build_counting  # type: ignore[method-assign]
    consumer.flows = [build_counting(0)]
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, consumer.stop)
    options.up_file.touch()
    await consumer.run()
    await client.aclose()
    searcher.close()


def start(options: VictimOptions) -> BaseProcess:
    """Start a consumer in its own process."""
    context = multiprocessing.get_context("forkserver")
    # pytest too, because a child imports the main module of its parent
    context.set_forkserver_preload([__name__, "pytest"])
    process = context.Process(target=run, args=(options,), daemon=True)
    process.start()
    return process


def run(options: VictimOptions) -> None:
    """Consume until SIGTERM, in the process."""
    asyncio.run(main(options))
