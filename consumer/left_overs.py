"""Left-over entries, which a read does not return: pending under this consumer's name, or left by another one."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from consumer.metrics import ConsumerMetrics
from transport.consumer_group import CHUNK, ConsumerGroup, Entry

logger = logging.getLogger(__name__)


class LeftOvers:
    """Finds left-over entries, and takes them one by one.

    Args:
        group: the consumer's membership of the group.
        claim_idle_ms: how long other consumers' entries are left alone.
        metrics: counts claimed entries.
        answer: answers one entry.

    Attributes:
        may_be_own: whether entries may be pending under this consumer's name.
    """

    def __init__(
        self,
        group: ConsumerGroup,
        claim_idle_ms: int,
        metrics: ConsumerMetrics,
        answer: Callable[[Entry], Awaitable[None]],
    ) -> None:
        self._group = group
        self._claim_idle_s = claim_idle_ms / 1000
        self._metrics = metrics
        self._answer = answer
        self._next_claim_s = 0.0
        self.may_be_own = True

    @property
    def is_claim_due(self) -> bool:
        """Whether to look for the entries of other consumers now."""
        return time.monotonic() >= self._next_claim_s

    @property
    def is_claim_urgent(self) -> bool:
        """Whether entries of other consumers are known, or have never been looked for."""
        return self._next_claim_s == 0.0

    def expect_own(self) -> None:
        """Look for entries pending under this consumer's name as soon as its hand is empty."""
        self.may_be_own = True

    def expect_others(self) -> None:
        """Look for the entries of other consumers as soon as the hand is empty."""
        self._next_claim_s = 0.0

    async def answer_own(self) -> None:
        """Answer entries pending under this name: of an earlier process, or of a read whose reply was lost."""
        before: list[Entry] = []
        while (entries := await self._group.claim_own()) and entries != before:
            await self._answer_each(entries)
            before = entries

    async def answer_idle(self) -> None:
        """Answer some entries that other consumers left pending; come back at once if there may be more."""
        entries = await self._group.claim_idle()
        await self._answer_each(entries)
        is_more = len(entries) >= CHUNK
        self._next_claim_s = 0.0 if is_more else time.monotonic() + self._claim_idle_s / 2

    async def _answer_each(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._metrics.record_claims(len(entries))
            logger.info("left-over entries claimed", extra={"entries": len(entries)})
        for claimed in entries:
            # an entry without payload is not claimed, and cannot be taken
            entry = await self._group.take(claimed) if claimed.flat is not None else claimed
            if entry:
                await self._answer(entry)
