"""The path of every listing: read a batch, score it, commit it; and, with an empty hand, what was left over.

Whatever Redis answers, the loop goes on: it says why in the part's health, pauses and tries again. A batch in hand is
kept until it is committed. Only an error of our own ends it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from redis.exceptions import RedisError, ResponseError

from consumer.batch import Entry, ScoredBatch
from consumer.batch_scorer import BatchScorer
from consumer.committer import Committer, Receipt
from consumer.group import Group
from consumer.metrics import BatchFigures, ConsumerMetrics
from consumer.model_follower import ModelFollower
from consumer.reader import Reader
from consumer.recovery import CHUNK, Recovery
from schemas.refusals import Reason
from schemas.settings import Settings
from service.health import Health

logger = logging.getLogger(__name__)

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0

T = TypeVar("T")


@dataclass
class ScoringLoop:
    """Answers listings under one consumer's name until it is stopped.

    Attributes:
        on_fenced: told of entries that were not pending any more when their outcome came.
    """

    settings: Settings
    group: Group
    reader: Reader
    recovery: Recovery
    scorer: BatchScorer
    committer: Committer
    follower: ModelFollower
    health: Health
    metrics: ConsumerMetrics
    on_fenced: Callable[[Sequence[bytes]], None]
    _held: list[Sequence[Entry]] = field(default_factory=list)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _may_hold_left_overs: bool = True
    _next_claim: float = 0.0
    _pause_s: float = FIRST_PAUSE_S

    @property
    def in_hand(self) -> list[bytes]:
        """Entries being scored or committed, for whoever renews them."""
        return [entry.id for entries in self._held for entry in entries]

    def stop(self) -> None:
        """Let `run` return once what has been delivered is answered."""
        self._stopping.set()

    async def run(self) -> None:
        """Answer listings until stopped. A read is never cancelled, so that nothing is delivered and then forgotten."""
        while not self._stopping.is_set():
            await self._guarded(self._turn)
        await self._guarded(self._answer_own)

    async def _turn(self) -> None:
        """Deal with what needs an empty hand, then stream until something does again."""
        self.health.beat()
        if self.follower.model is None:
            await self._wait(FIRST_PAUSE_S)
            return
        if self._may_hold_left_overs:
            if await self.group.ensure():
                self._next_claim = 0.0  # what a rebuilt group makes pending belongs to nobody
            self._may_hold_left_overs = False
            await self._answer_own()
        await self._stream()
        if time.monotonic() >= self._next_claim:
            await self._answer_idle()

    async def _stream(self) -> None:
        """While a batch is scored, Redis commits the one before and, where more waits than a read takes, reads on.

        Where no more waits, reading on would bring the few that are there already, and what comes while a batch is
        scored would wait for the one after the next.
        """
        committing: asyncio.Task[None] | None = None
        await self.reader.send(is_waiting=self._next_claim > 0)
        try:
            while True:
                entries = await self.reader.receive()
                self._held.append(entries)
                is_last = self._needs_empty_hand()
                # a read that cannot be sent must not cost the batch in hand its commit
                is_ahead = not is_last and self.reader.may_leave_some(entries) and await self._guarded(self._read_on)
                batch = self._score(entries)
                if committing:
                    await committing
                committing = asyncio.create_task(self._commit(entries, batch), name="commit")
                if is_last:
                    return
                if not is_ahead:
                    await self.reader.send(is_waiting=True)
        finally:
            if committing:
                await committing

    async def _read_on(self) -> bool:
        await self.reader.send(is_waiting=True)
        await asyncio.sleep(0)  # so that the commit before leaves too
        return True

    def _needs_empty_hand(self) -> bool:
        self.health.beat()
        return self._stopping.is_set() or self._may_hold_left_overs or time.monotonic() >= self._next_claim

    def _score(self, entries: Sequence[Entry]) -> ScoredBatch | None:
        model = self.follower.model
        if not entries or model is None:
            return None
        try:
            batch = self.scorer.score(entries, model)
        except Exception:
            # Delivery is decided here: what cannot be scored stays pending, is tried alone, and is poison in the end.
            logger.exception("entries cannot be scored", extra={"entries": len(entries)})
            self._may_hold_left_overs = True
            return None
        self.metrics.record_stage("decode", batch.decode_s)
        self.metrics.record_stage("score", batch.score_s)
        return batch

    async def _commit(self, entries: Sequence[Entry], batch: ScoredBatch | None) -> None:
        begin = time.perf_counter()
        try:
            rest = batch
            while rest:
                receipt = await self._guarded(partial(self._commit_once, rest))
                if receipt:
                    rest = self._limit(entries, receipt.limited)
                elif self._stopping.is_set():
                    return  # what is still pending will be claimed by somebody
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

    def _limit(self, entries: Sequence[Entry], limited: Sequence[bytes]) -> ScoredBatch | None:
        """The dead letters of what came faster than its source may send."""
        if not limited:
            return None
        ids = set(limited)
        return self.scorer.limit([entry for entry in entries if entry.id in ids], self.settings.rate_limit)

    def _record(self, batch: ScoredBatch, receipt: Receipt) -> None:
        unanswered = {*receipt.fenced, *receipt.limited}
        answered = [] if receipt.restored else batch.entry_ids
        if unanswered:
            answered = [entry_id for entry_id in answered if entry_id not in unanswered]
        refused = zip(batch.entry_ids[batch.predictions :], batch.reasons, strict=True)
        figures = BatchFigures(
            answered,
            receipt.at_ms,
            receipt.scored,
            receipt.repeated,
            Counter(reason for entry_id, reason in refused if answered and entry_id not in unanswered),
            batch.imputed if answered else {},
            batch.unusual if answered else {},
            batch.kinds if answered else {},
            len(receipt.fenced),
        )
        self.metrics.record_batch(figures)
        if receipt.fenced:
            # somebody else was faster, or the group is gone: the next turn finds out which
            self._may_hold_left_overs = True
            self.on_fenced(receipt.fenced)

    async def _answer_own(self) -> None:
        """Answer what is pending under this name: from a life before, or from a read whose reply was lost."""
        before: list[Entry] = []
        while self.follower.model and (entries := await self.recovery.own()) and entries != before:
            await self._try_each(entries)
            before = entries

    async def _answer_idle(self) -> None:
        """Answer some of what other consumers have left alone; come back at once if there may be more."""
        entries = await self.recovery.idle()
        await self._try_each(entries)
        self._next_claim = 0.0 if len(entries) >= CHUNK else time.monotonic() + self.settings.claim_idle_ms / 2000

    async def _try_each(self, entries: Sequence[Entry]) -> None:
        if entries:
            self.metrics.record_claims(len(entries))
            logger.info("left-over entries claimed", extra={"entries": len(entries)})
        for claimed in entries:
            # what has no payload is not claimed, and cannot be taken
            entry = await self.recovery.take(claimed) if claimed.flat is not None else claimed
            if entry:
                self._held.append([entry])
                await self._commit([entry], self._score_alone(entry))

    def _score_alone(self, entry: Entry) -> ScoredBatch | None:
        if entry.flat is None:
            return self.scorer.refuse(entry, Reason.PAYLOAD_GONE, "the entry was deleted while it was pending")
        if entry.deliveries > self.settings.max_deliveries:
            return self.scorer.refuse(entry, Reason.POISON, f"not scored in {entry.deliveries - 1} deliveries")
        return self._score([entry])

    async def _guarded(self, step: Callable[[], Awaitable[T]]) -> T | None:
        """The step's result; None if Redis did not play along, after saying so and pausing."""
        try:
            result = await step()
        except (RedisError, OSError) as error:
            self._may_hold_left_overs = True
            self.health.set_reason("redis", str(error))
            logger.warning("redis does not play along", extra={"cause": str(error), "pause_s": self._pause_s})
            await self._wait(self._pause_s)
            self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)
            return None
        self._pause_s = FIRST_PAUSE_S
        self.health.clear("redis")
        return result

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return
