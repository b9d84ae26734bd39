"""The two steps from entries to outcomes, decoding and scoring, with the lookup of stored features between them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from consumer.batch import ScoredBatch
from consumer.batch_scorer import BatchScorer, ServedModel
from consumer.decoded_batch import DecodedBatch
from consumer.feature_store import FeatureStore
from consumer.metrics import ConsumerMetrics
from consumer.model_follower import ModelFollower
from consumer.redis_guard import RedisGuard
from transport.consumer_group import Entry

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True)
class ScoringSteps:
    """Decodes batches, waits for what they look up, and scores them with the served model.

    Attributes:
        on_failure: called when entries cannot be scored; they stay pending.
    """

    scorer: BatchScorer
    features: FeatureStore
    follower: ModelFollower
    metrics: ConsumerMetrics
    guard: RedisGuard
    on_failure: Callable[[], None]

    async def decode(self, entries: Sequence[Entry]) -> DecodedBatch | None:
        """The decoded batch, whose lookup has been sent; None if there are no entries, or they stay pending."""
        batch = self._attempt(partial(self._decode, entries), entries) if entries else None
        if batch and batch.lookup:
            await self.features.send(batch.lookup)
        return batch

    async def finish_lookup(self, batch: DecodedBatch) -> bool:
        """Wait until the batch's lookup has ended; False if it has not, because Redis is away and the loop stops."""
        return batch.lookup is None or await self.features.receive(batch.lookup, self.guard)

    async def score(self, batch: DecodedBatch) -> ScoredBatch | None:
        """The outcomes of a batch; None if its entries stay pending."""
        model = self.follower.model
        if not await self.finish_lookup(batch) or model is None:
            return None
        scored = self._attempt(partial(self._fill_and_score, batch, model), batch.entries)
        if scored:
            self.metrics.record_stage("decode", scored.decode_s)
            self.metrics.record_stage("score", scored.score_s)
        return scored

    def _decode(self, entries: Sequence[Entry]) -> DecodedBatch:
        batch = self.scorer.decode(entries)
        batch.lookup = self.features.plan(batch)
        return batch

    def _fill_and_score(self, batch: DecodedBatch, model: ServedModel) -> ScoredBatch:
        self.features.fill(batch)
        return self.scorer.score(batch, model)

    def _attempt(self, step: Callable[[], T], entries: Sequence[Entry]) -> T | None:
        try:
            return step()
        except Exception:
            # delivery is decided here: an entry that cannot be scored stays pending, is tried alone, and ends as poison
            logger.exception("entries cannot be scored", extra={"entries": len(entries)})
            self.on_failure()
            return None
