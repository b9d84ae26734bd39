"""Answers requests: reads a batch, explains it, writes the answers; and the requests that other explainers left over.

As in a consumer, a request that was left over is tried alone, and each attempt is counted before it begins: a row that
kills its explainer is given up in the end, and its neighbours never are.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from redis.exceptions import RedisError

from explainer.answer_writer import AnswerWriter
from explainer.answering import AnsweredRequests, RequestAnswerer
from explainer.metrics import ExplainerMetrics
from schemas.errors import UnavailableError
from schemas.streams import DATA_FIELD
from service.health import Health
from service.trace_context import read_traced_event
from service.tracing import NO_TRACING, Tracing
from transport.backoff import Backoff
from transport.consumer_group import CHUNK, ConsumerGroup, Entry

logger = logging.getLogger(__name__)

READ_REQUESTS = 50
"""Requests of a batch: TreeSHAP is the fastest with 20 to 100 rows."""
T = TypeVar("T")

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0


@dataclass
class ExplainingLoop:
    """Answers the requests of one shard under one explainer's name.

    Attributes:
        max_deliveries: attempts at a request that was left over.
        shard: its number.
    """

    group: ConsumerGroup
    answerer: RequestAnswerer
    writer: AnswerWriter
    health: Health
    metrics: ExplainerMetrics
    max_deliveries: int
    tracing: Tracing = NO_TRACING
    shard: int = 0
    _held: list[bytes] = field(default_factory=list)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _may_have_left_overs: bool = True
    _next_claim_s: float = 0.0

    def stop(self) -> None:
        """Let `run_once` return after the batch in hand."""
        self._stopping.set()

    async def run_once(self) -> None:
        """Answer all requests that wait.

        Raises:
            redis.exceptions.RedisError: as the server answered.
            UnavailableError: a model cannot be loaded now; its requests stay pending.
        """
        try:
            await self._run_round()
        except (RedisError, OSError, UnavailableError):
            self._may_have_left_overs = True
            raise

    async def renew(self) -> None:
        """Keep the requests in hand from being claimed by others."""
        if self._held:
            await self.group.renew(self._held)

    async def _run_round(self) -> None:
        await self.group.create()
        while not self._stopping.is_set():
            if self._may_have_left_overs:
                self._may_have_left_overs = False
                await self._try_each(await self.group.claim_own())
            if time.monotonic() >= self._next_claim_s:
                await self._answer_idle()
            entries = await self.group.read(READ_REQUESTS)
            if not entries:
                break
            traced = [read_traced_event(entry.fields.get(DATA_FIELD)) for entry in entries]
            with self._holding(entries), self.tracing.batch("explain predictions", traced):
                await self._answer(entries)
        self.metrics.set_waiting(self.shard, await self.group.client.xlen(self.group.stream))

    async def _answer_idle(self) -> None:
        entries = await self.group.claim_idle()
        await self._try_each(entries)
        is_more = len(entries) >= CHUNK
        self._next_claim_s = 0.0 if is_more else time.monotonic() + self.group.claim_idle_ms / 2000

    async def _try_each(self, entries: Sequence[Entry]) -> None:
        for claimed in entries:
            if self._stopping.is_set():
                return
            # an entry without payload is not claimed, and cannot be taken
            entry = await self.group.take(claimed) if claimed.flat is not None else claimed
            if entry is None:
                continue
            with self._holding([entry]):
                if entry.flat is not None and entry.deliveries > self.max_deliveries:
                    await self._write(self.answerer.give_up(entry))
                else:
                    await self._answer([entry])

    @contextmanager
    def _holding(self, entries: Sequence[Entry]) -> Iterator[None]:
        self._held = [entry.id for entry in entries]
        try:
            yield
        finally:
            self._held = []

    async def _answer(self, entries: Sequence[Entry]) -> None:
        try:
            answered = await self._until_available("model", partial(self.answerer.answer, entries))
        except (UnavailableError, OSError):
            raise
        except Exception:
            # delivery is decided here: a request that cannot be answered stays pending, is tried alone, and given up
            logger.exception("requests cannot be answered", extra={"requests": len(entries)})
            self._may_have_left_overs = len(entries) > 1
        else:
            await self._write(answered)

    async def _write(self, answered: AnsweredRequests) -> None:
        receipt = await self._until_available("redis", partial(self.writer.write, answered.answers))
        self.metrics.record_answers(answered, receipt.fenced)

    async def _until_available(self, name: str, step: Callable[[], Awaitable[T]]) -> T:
        """Repeat a step while what it needs is away: what is in hand stays there, and costs no further attempt.

        Raises:
            redis.exceptions.RedisError: Redis was still away when the explainer was stopped.
            UnavailableError: the registry was.
        """
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        name = f"{name} of shard {self.shard}" if self.shard else name
        while True:
            try:
                result = await step()
            except (RedisError, OSError, UnavailableError) as error:
                if self._stopping.is_set():
                    raise
                self.health.set_reason(name, str(error))
                await self._wait(backoff.next_s())
            else:
                self.health.clear(name)
                return result

    async def _wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)
