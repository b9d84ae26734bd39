"""The path of every listing in one shard: read a batch, score it, commit it; between batches, the left-over entries.

What listings lack is looked up in the store while the batch before is scored. Whatever Redis answers, the loop
continues: it reports the reason in the consumer's health, pauses and tries again. A batch in hand is kept until it is
committed. Only a bug of ours ends the loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from redis.exceptions import ResponseError

from consumer.batch import ScoredBatch
from consumer.batch_scorer import BatchScorer
from consumer.committer import Committer, Receipt
from consumer.decoded_batch import DecodedBatch
from consumer.duty import Duty
from consumer.feature_store import FeatureStore
from consumer.group_rebuilder import GroupRebuilder
from consumer.left_overs import LeftOvers
from consumer.metrics import ConsumerMetrics
from consumer.model_follower import ModelFollower
from consumer.redis_guard import FIRST_PAUSE_S, RedisGuard
from consumer.rollout_follower import RolloutFollower
from consumer.served_model import ServedModel
from schemas.settings import Settings
from service.health import Health
from service.tracing import Tracing
from transport.consumer_group import ConsumerGroup, Entry
from transport.pipelined_connection import PipelinedReader

logger = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class ScoringLoop:
    """Answers the listings of one shard under one consumer's name until it is stopped.

    Attributes:
        duty: says whether this consumer reads the shard, which `name` names in its health.
        on_fenced: called with the entries that were no longer pending when their outcome was committed.
    """

    settings: Settings
    group: ConsumerGroup
    rebuilder: GroupRebuilder
    reader: PipelinedReader
    scorer: BatchScorer
    features: FeatureStore
    committer: Committer
    follower: ModelFollower
    rollouts: RolloutFollower
    health: Health
    metrics: ConsumerMetrics
    on_fenced: Callable[[Sequence[bytes]], None]
    tracing: Tracing
    duty: Duty
    name: str = ""
    _held: list[Sequence[Entry]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._left_overs = LeftOvers(self.group, self.settings.claim_idle_ms, self.metrics, self._answer_alone)
        self._guard = RedisGuard(self.health, self._left_overs.expect_own, f"redis{self.name}")

    @property
    def in_hand(self) -> list[bytes]:
        """Entries being scored or committed, so that the caller can renew them."""
        return [entry.id for entries in self._held for entry in entries]

    def stop(self) -> None:
        """Let `run` return once the delivered entries are answered."""
        self._guard.stop()

    async def run(self) -> None:
        """Answer listings until stopped. A read is never cancelled: its entries would be delivered and forgotten."""
        while not self._guard.is_stopping:
            await self._guard.run(self._run_round)
        if self.follower.model:
            await self._guard.run(self._left_overs.answer_own)

    async def _run_round(self) -> None:
        """Do what needs an empty hand, then stream batches until something needs one again."""
        self.health.beat(self.name)
        if self.follower.model is None:
            await self._guard.pause(FIRST_PAUSE_S)
            return
        left_overs = self._left_overs
        if left_overs.may_be_own:
            if await self.rebuilder.ensure():
                left_overs.expect_others()  # a rebuilt group has pending entries that no consumer owns
            left_overs.may_be_own = False
            await left_overs.answer_own()
        await (self._stream() if self.duty.is_reading else self.duty.stand_by(self._guard))
        if left_overs.is_claim_due:
            await left_overs.answer_idle()

    async def _stream(self) -> None:
        """Read, score and commit batches, so that Redis commits one batch while the next is scored.

        The next read is sent ahead only when the stream holds more than one read takes. Otherwise it would return the
        few entries that are there already, and those that arrive during scoring would wait for the read after it.

        A batch that looks for stored features waits for the next read, whose lookup is sent before this batch is
        scored: so its replies have arrived by then, and those of the next one arrive meanwhile.
        """
        committing: asyncio.Task[None] | None = None
        looking_up: DecodedBatch | None = None
        await self.reader.send(is_blocking=not self._left_overs.is_claim_urgent)
        try:
            while True:
                entries = await self.reader.receive()
                self._held.append(entries)
                is_last = self._needs_empty_hand()
                if is_full := self.reader.is_full(entries):
                    self.duty.note_full()
                # a read that cannot be sent must not keep the batch in hand from its commit
                is_ahead = not is_last and is_full and await self._guard.run(self._read_ahead)
                if looking_up:
                    await self._finish_lookup(looking_up)
                batch = await self._decode(entries)
                if looking_up:
                    committing = await self._answer(looking_up.entries, looking_up, committing)
                    looking_up = None
                if batch and batch.lookup and is_ahead:
                    looking_up = batch
                else:
                    committing = await self._answer(entries, batch, committing)
                if is_last:
                    return
                if not is_ahead:
                    await self.reader.send(is_blocking=True)
        finally:
            if looking_up:
                committing = await self._answer(looking_up.entries, looking_up, committing)
            if committing:
                await committing

    async def _read_ahead(self) -> bool:
        # not blocking, because the batch in hand may wait for this read
        await self.reader.send(is_blocking=False)
        await asyncio.sleep(0)  # yield once so the previous commit is sent
        return True

    def _needs_empty_hand(self) -> bool:
        self.health.beat(self.name)
        is_due = self._left_overs.may_be_own or self._left_overs.is_claim_due
        return is_due or self._guard.is_stopping or not self.duty.is_reading

    async def _decode(self, entries: Sequence[Entry]) -> DecodedBatch | None:
        """The decoded batch, whose lookup has been sent; None if there are no entries, or they stay pending."""
        batch = self._attempt(partial(self.scorer.decode, entries), entries) if entries else None
        if batch and batch.has_gaps:
            batch.lookup = self._attempt(partial(self.features.plan, batch), entries)
            if batch.lookup:
                await self.features.send(batch.lookup)
        return batch

    async def _finish_lookup(self, batch: DecodedBatch) -> bool:
        """Wait until the batch's lookup has ended; False if it has not, because Redis is away and the loop stops."""
        return batch.lookup is None or await self.features.receive(batch.lookup, self._guard)

    async def _score(self, batch: DecodedBatch) -> ScoredBatch | None:
        """The outcomes of a batch; None if its entries stay pending."""
        model = self.follower.model
        if not await self._finish_lookup(batch) or model is None:
            return None
        scored = self._attempt(partial(self._fill_and_score, batch, model), batch.entries)
        if scored:
            self.metrics.record_stage("decode", scored.decode_s)
            self.metrics.record_stage("score", scored.score_s)
        return scored

    def _fill_and_score(self, batch: DecodedBatch, model: ServedModel) -> ScoredBatch:
        if batch.lookup:
            self.features.fill(batch, batch.lookup)
        return self.scorer.score(batch, model, self.rollouts.served)

    def _attempt(self, step: Callable[[], T], entries: Sequence[Entry]) -> T | None:
        try:
            return step()
        except Exception:
            # delivery is decided here: an entry that cannot be scored stays pending, is tried alone, and ends as poison
            logger.exception("entries cannot be scored", extra={"entries": len(entries)})
            self._left_overs.expect_own()
            return None

    async def _answer(
        self, entries: Sequence[Entry], batch: DecodedBatch | None, committing: asyncio.Task[None] | None
    ) -> asyncio.Task[None] | None:
        """Score a batch, and begin its commit when the commit before has ended; returns the last commit."""
        if batch is None:
            self._held.remove(entries)
            return committing
        with self.tracing.batch("score listings", batch.listings) as span:
            scored = await self._score(batch)
            if committing:
                await committing
            return span.end_with(asyncio.create_task(self._commit(entries, scored), name="commit"))

    async def _commit(self, entries: Sequence[Entry], batch: ScoredBatch | None) -> None:
        begin = time.perf_counter()
        try:
            rest = batch
            while rest:
                receipt = await self._guard.run(partial(self._commit_once, rest))
                if receipt:
                    rest = None
                    if receipt.limited:
                        rest = self.scorer.dead_letters.limit(entries, receipt.limited, self.settings.rate_limit)
                elif self._guard.is_stopping:
                    return  # another consumer will claim the pending entries
                else:
                    self.metrics.record_commit_retry()
        finally:
            self._held.remove(entries)
        if batch:
            self.metrics.record_stage("commit", time.perf_counter() - begin)

    async def _commit_once(self, batch: ScoredBatch) -> Receipt:
        receipt = await self.committer.commit(batch)
        self._record(batch, receipt)
        if receipt.restored:
            # the same batch is sent again: what was written is fenced by now
            raise ResponseError(receipt.failure)
        return receipt

    def _record(self, batch: ScoredBatch, receipt: Receipt) -> None:
        self.metrics.record_batch(receipt.figures_of(batch))
        if receipt.fenced:
            # another consumer was faster, or the group is gone: the next round finds out which
            self._left_overs.expect_own()
            self.on_fenced(receipt.fenced)

    async def _answer_alone(self, entry: Entry) -> None:
        self._held.append(entries := [entry])
        scored = self.scorer.dead_letters.refuse_unscorable(entry, self.settings.max_deliveries)
        if scored is None and (batch := await self._decode(entries)):
            batch.is_alone = True
            scored = await self._score(batch)
        await self._commit(entries, scored)
