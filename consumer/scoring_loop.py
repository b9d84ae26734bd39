"""The path of every listing in one shard: read a batch, score it, commit it; between batches, the left-over entries.

What listings lack is looked up in the store while the batch before is scored. Whatever Redis answers, the loop
continues: it reports the reason in the consumer's health, pauses and tries again. A batch in hand is kept until it is
committed. Only a bug of ours ends the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from consumer.batch_answerer import BatchAnswerer
from consumer.batch_scorer import BatchScorer
from consumer.committer import Committer
from consumer.decoded_batch import DecodedBatch
from consumer.duty import Duty
from consumer.feature_store import FeatureStore
from consumer.group_rebuilder import GroupRebuilder
from consumer.left_overs import LeftOvers
from consumer.metrics import ConsumerMetrics
from consumer.model_follower import ModelFollower
from consumer.redis_guard import FIRST_PAUSE_S, RedisGuard
from consumer.rollout_follower import RolloutFollower
from consumer.scoring_thread import ScoringThread
from schemas.settings import Settings
from service.health import Health
from service.tracing import Tracing
from transport.consumer_group import ConsumerGroup, Entry
from transport.pipelined_connection import PipelinedReader


@dataclass
class ScoringLoop:
    """Answers the listings of one shard under one consumer's name until it is stopped.

    Attributes:
        duty: says whether this consumer reads the shard, which `name` names in its health.
        on_fenced: called with the entries that were no longer pending when their outcome was committed.
        answerer: scores and commits what the loop has decoded.
    """

    settings: Settings
    group: ConsumerGroup
    rebuilder: GroupRebuilder
    reader: PipelinedReader
    scorer: BatchScorer
    thread: ScoringThread
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

    def __post_init__(self) -> None:
        self._left_overs = LeftOvers(self.group, self.settings.claim_idle_ms, self.metrics, self._answer_alone)
        self._guard = RedisGuard(self.health, self._left_overs.expect_own, f"redis{self.name}")
        self.answerer = BatchAnswerer(
            settings=self.settings,
            scorer=self.scorer,
            thread=self.thread,
            features=self.features,
            committer=self.committer,
            follower=self.follower,
            rollouts=self.rollouts,
            metrics=self.metrics,
            tracing=self.tracing,
            guard=self._guard,
            on_pending=self._left_overs.expect_own,
            on_fenced=self.on_fenced,
        )

    @property
    def in_hand(self) -> list[bytes]:
        """Entries being scored or committed, so that the caller can renew them."""
        return [entry.id for entries in self.answerer.held for entry in entries]

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
        answerer, looking_up = self.answerer, None
        await self.reader.send(is_blocking=not self._left_overs.is_claim_urgent)
        try:
            while True:
                entries = await self.reader.receive()
                answerer.held.append(entries)
                is_last = self._needs_empty_hand()
                if is_full := self.reader.is_full(entries):
                    self.duty.note_full()
                # a read that cannot be sent must not keep the batch in hand from its commit
                is_ahead = not is_last and is_full and await self._guard.run(self._read_ahead)
                batch = await self._decode(entries, looking_up)
                if looking_up:
                    before, looking_up = looking_up, None
                    await answerer.answer_ahead(before)
                if batch is None:
                    answerer.held.remove(entries)
                elif not is_ahead:
                    await answerer.answer(batch)
                elif batch.lookup:
                    looking_up = batch
                else:
                    await answerer.answer_ahead(batch)
                if is_last:
                    return
                if not is_ahead:
                    await self.reader.send(is_blocking=True)
        finally:
            if looking_up:
                await answerer.answer(looking_up)
            await answerer.finish()

    async def _read_ahead(self) -> bool:
        # not blocking, because the batch in hand may wait for this read
        await self.reader.send(is_blocking=False)
        await asyncio.sleep(0)  # yield once so the previous commit is sent
        return True

    def _needs_empty_hand(self) -> bool:
        self.health.beat(self.name)
        is_due = self._left_overs.may_be_own or self._left_overs.is_claim_due
        return is_due or self._guard.is_stopping or not self.duty.is_reading

    async def _decode(self, entries: Sequence[Entry], before: DecodedBatch | None = None) -> DecodedBatch | None:
        """The decoded batch, whose lookup has been sent; None if there are no entries, or they stay pending.

        The replies to the lookup of the batch before are received first.
        """
        if before and before.lookup:
            await self.features.receive(before.lookup, self._guard)
        batch = None
        if entries:
            with self.answerer.keeping(entries):
                batch = self.scorer.decode(entries)
        if batch and batch.has_gaps:
            with self.answerer.keeping(entries):
                batch.lookup = self.features.plan(batch)
            if batch.lookup:
                await self.features.send(batch.lookup)
        return batch

    async def _answer_alone(self, entry: Entry) -> None:
        answerer = self.answerer
        answerer.held.append(entries := [entry])
        scored = self.scorer.dead_letters.refuse_unscorable(entry, self.settings.max_deliveries)
        if scored is None and (batch := await self._decode(entries)):
            batch.is_alone = True
            scored = await answerer.score(batch)
        await answerer.commit(entries, scored)
