"""A consumer in a process of its own that a fault round kills, stops and cuts off.

It is the product's consumer with the product's settings and timeouts. Only its models are plain (version v prices a
listing at v times its rooms), and it is forked from a server that has imported everything, so that it works at once.
What proves a fault (claims, fenced entries, commits sent again) it writes to a file at once, where no SIGKILL takes it.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.process import BaseProcess
from typing import Any, cast

import numpy as np

from consumer.batch_scorer import ServedModel
from consumer.consumer import Consumer
from registry.card import ModelCard
from schemas.rows import Matrix
from schemas.settings import Settings
from schemas.stamp import Stamp
from schemas.states import DesiredModel
from schemas.streams import SCORERS
from service import logs
from tests.consumer.doomed import suffer
from tests.consumer.harness import HOUSING, PlainScorer, settings_for
from transport.connection import connect, connect_async


@dataclass
class Order:
    """What a process shall be.

    Attributes:
        url: of the Redis, or of the proxy before it.
        changes: settings that differ from those of the tests.
        tally: file to which it writes what happened to it.
        score_ms: how long a scoring call takes.
        is_broken: whether it acknowledges a batch apart from writing the outcomes, as it must not.
    """

    url: str
    prefix: str
    name: str
    changes: dict[str, Any]
    tally: str
    score_ms: float = 0.0
    is_broken: bool = False


class _NoCard:
    key_feature = None


NO_CARD = cast("ModelCard", _NoCard())


class VersionScorer(PlainScorer):
    """Prices by version, and has a card."""

    @property
    def card(self) -> ModelCard:
        """A card that says nothing."""
        return NO_CARD


def load(score_ms: float, desired: DesiredModel) -> Callable[[Stamp], ServedModel]:
    """Stands in for fetching and loading a model."""

    def before(matrix: Matrix) -> None:
        suffer(matrix)
        time.sleep(score_ms / 1000)

    low, high = np.full(len(HOUSING.columns), -np.inf), np.full(len(HOUSING.columns), np.inf)
    return lambda stamp: ServedModel(VersionScorer(float(desired.version), before), stamp, low, high)


def keep_tally(consumer: Consumer, path: str) -> None:
    """Let the consumer write down what proves a fault."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def tell(word: str, number: int) -> None:
        if number:
            os.write(file, f"{word} {number}\n".encode())

    metrics: Any = consumer._metrics
    committer: Any = consumer.scoring_loop.committer
    record_batch, commit = metrics.record_batch, committer.commit

    def told_batch(figures: Any) -> None:
        tell("fenced", figures.fenced)
        record_batch(figures)

    async def told_commit(batch: Any) -> Any:
        receipt = await commit(batch)
        tell("restored", receipt.restored)
        return receipt

    metrics.record_batch, committer.commit = told_batch, told_commit
    metrics.record_claims = partial(tell, "claimed")
    metrics.record_lost = partial(tell, "gone_in_hand")
    metrics.record_commit_retry = partial(tell, "retried", 1)


def break_commit(consumer: Consumer, settings: Settings) -> None:
    """Acknowledge first, then make everything pending again that the true commit is to acknowledge, and commit."""
    committer: Any = consumer.scoring_loop.committer
    commit, client, key = committer.commit, consumer._client, settings.streams.listings

    async def broken(batch: Any) -> Any:
        ids = batch.entry_ids
        await client.xack(key, SCORERS, *ids)
        await asyncio.sleep(0.01)
        for entry_id in ids:
            await client.xclaim(key, SCORERS, consumer._name, 0, [entry_id], force=True, justid=True)
        return await commit(batch)

    committer.commit = broken


async def main(order: Order) -> None:
    """Consume until told to stop."""
    log = os.open(f"{order.tally}.log", os.O_WRONLY | os.O_CREAT)
    os.dup2(log, sys.stderr.fileno())
    settings = settings_for(order.prefix, **order.changes)
    logs.configure(settings)
    client, searcher = connect_async(order.url), connect(order.url)
    consumer = Consumer(client, searcher, HOUSING, settings, order.name, 0)
    consumer.follower._load = partial(load, order.score_ms)  # type: ignore[method-assign]
    keep_tally(consumer, order.tally)
    if order.is_broken:
        break_commit(consumer, settings)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, consumer.stop)
    os.close(os.open(f"{order.tally}.up", os.O_CREAT))
    await consumer.run()
    await client.aclose()
    searcher.close()


def start(order: Order) -> BaseProcess:
    """Start the process."""
    context = multiprocessing.get_context("forkserver")
    # pytest, because a child imports the main module of whoever started it
    context.set_forkserver_preload([__name__, "pytest"])
    process = context.Process(target=run, args=(order,), daemon=True)
    process.start()
    return process


def run(order: Order) -> None:
    """Consume until told to stop, in the process."""
    asyncio.run(main(order))
