"""Answers decoded batches: scores each one, here or in the scoring thread, and commits it after the batch before it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from redis.exceptions import ResponseError

from consumer.batch import ScoredBatch
from consumer.batch_scorer import BatchScorer
from consumer.committer import Committer, Receipt
from consumer.decoded_batch import DecodedBatch
from consumer.feature_store import FeatureStore
from consumer.metrics import ConsumerMetrics
from consumer.model_follower import ModelFollower
from consumer.redis_guard import RedisGuard
from consumer.rollout_follower import RolloutFollower
from consumer.row_scorer import RowScores
from consumer.scoring_thread import ScoringThread
from consumer.served_model import ServedModel, ServedRollout
from schemas.settings import Settings
from service.tracing import Tracing
from transport.consumer_group import Entry

logger = logging.getLogger(__name__)

_LONG = 1.5
"""The scoring thread is used if scoring a batch takes more than so many times as long as encoding it."""
_MOST_ENTRIES = 2000
"""Of a batch that the scoring thread takes: two more batches are in memory then."""


@dataclass
class BatchAnswerer:
    """Answers the batches of one shard, in order.

    Attributes:
        on_pending: called when entries stay pending, or may.
        on_fenced: called with the entries that were no longer pending when their outcome was committed.
        held: the entries of each batch that is not answered yet.
    """

    settings: Settings
    scorer: BatchScorer
    thread: ScoringThread
    features: FeatureStore
    committer: Committer
    follower: ModelFollower
    rollouts: RolloutFollower
    metrics: ConsumerMetrics
    tracing: Tracing
    guard: RedisGuard
    on_pending: Callable[[], None]
    on_fenced: Callable[[Sequence[bytes]], None]
    held: list[Sequence[Entry]] = field(default_factory=list)
    _last: asyncio.Task[None] | None = None
    _before_last: asyncio.Task[None] | None = None
    _is_scoring_long: bool = False

    async def answer(self, batch: DecodedBatch) -> None:
        """Score a batch here, and begin its commit when the batch before has been committed."""
        with self.tracing.batch("score listings", batch.listings) as span:
            scored = await self.score(batch)
            await self.finish()
            self._last = span.end_with(asyncio.create_task(self.commit(batch.entries, scored), name="commit"))

    async def answer_ahead(self, batch: DecodedBatch) -> None:
        """Answer a batch for which the next read is under way, in the scoring thread if scoring is long."""
        is_beside = self._is_scoring_long and len(batch.entries) <= _MOST_ENTRIES
        await (self._answer_beside(batch) if is_beside else self.answer(batch))

    async def finish(self) -> None:
        """Wait until every batch is answered."""
        last, self._last, self._before_last = self._last, None, None
        if last:
            await last

    async def score(self, batch: DecodedBatch) -> ScoredBatch | None:
        """The outcomes of a batch that is scored here; None if its entries stay pending."""
        if (step := await self._prepared(batch)) is None:
            return None
        with self.keeping(batch.entries):
            return self._outcomes(await self.thread.run_here(step))
        return None

    async def commit(self, entries: Sequence[Entry], batch: ScoredBatch | None) -> None:
        """Commit the outcomes of held entries until they are written; entries without outcomes stay pending."""
        begin = time.perf_counter()
        try:
            rest = batch
            while rest:
                receipt = await self.guard.run(partial(self._commit_once, rest))
                if receipt:
                    rest = None
                    if receipt.limited:
                        rest = self.scorer.dead_letters.limit(entries, receipt.limited, self.settings.rate_limit)
                elif self.guard.is_stopping:
                    return  # another consumer will claim the pending entries
                else:
                    self.metrics.record_commit_retry()
        finally:
            self.held.remove(entries)
        if batch:
            self.metrics.record_stage("commit", time.perf_counter() - begin)

    @contextmanager
    def keeping(self, entries: Sequence[Entry]) -> Iterator[None]:
        """Leave entries pending whose decoding or scoring, in the block, fails."""
        try:
            yield
        except Exception:
            # delivery is decided here: an entry that cannot be scored stays pending, is tried alone, and ends as poison
            logger.exception("entries cannot be scored", extra={"entries": len(entries)})
            self.on_pending()

    async def _answer_beside(self, batch: DecodedBatch) -> None:
        """Begin to answer a batch, which the scoring thread scores; waits until one before it at most is unanswered."""
        if (step := await self._prepared(batch)) is None:
            self.held.remove(batch.entries)
            return
        before, scoring = self._last, self.thread.start(step)
        self._last = asyncio.create_task(self._answer_after(before, batch, scoring), name="answer")
        if self._before_last:
            await self._before_last
        self._before_last = before

    async def _answer_after(
        self, before: asyncio.Task[None] | None, batch: DecodedBatch, scoring: asyncio.Future[RowScores]
    ) -> None:
        entries, scored = batch.entries, None
        with self.tracing.batch("score listings", batch.listings):
            with self.keeping(entries):
                scored = self._outcomes(await scoring)
            del batch, scoring  # a large batch should not stay in memory for its commit
            if before:
                await before
            await self.commit(entries, scored)

    async def _prepared(self, batch: DecodedBatch) -> Callable[[], RowScores] | None:
        """The step that scores a batch with the models of now, after its lookup; None if its entries stay pending."""
        model = self.follower.model
        if model is None or (batch.lookup and not await self.features.receive(batch.lookup, self.guard)):
            return None
        return partial(self._fill_and_score, batch, model, self.rollouts.served)

    def _fill_and_score(self, batch: DecodedBatch, model: ServedModel, rollout: ServedRollout | None) -> RowScores:
        if batch.lookup:
            self.features.fill(batch, batch.lookup)
        return self.scorer.rows.score(batch, model, rollout)

    def _outcomes(self, rows: RowScores) -> ScoredBatch:
        begin_cpu_s = time.thread_time()
        scored = self.scorer.outcomes(rows)
        self.metrics.record_stage("decode", scored.decode_s)
        self.metrics.record_stage("score", scored.score_s)
        # the thread's many calls wait for the interpreter, which encoding holds
        self._is_scoring_long = rows.cpu_s > _LONG * (time.thread_time() - begin_cpu_s)
        return scored

    async def _commit_once(self, batch: ScoredBatch) -> Receipt:
        receipt = await self.committer.commit(batch)
        self.metrics.record_batch(receipt.figures_of(batch))
        if receipt.fenced:
            # another consumer was faster, or the group is gone: the next round finds out which
            self.on_pending()
            self.on_fenced(receipt.fenced)
        if receipt.restored:
            # the same batch is sent again: what was written is fenced by now
            raise ResponseError(receipt.failure)
        return receipt
