"""Lost entries: entries that were no longer pending when their outcome came, and that no other consumer has answered.

Usually another consumer has answered a fenced entry. But a user who deletes a pending entry, or removes a consumer by
hand, makes its acknowledgement fail too, and then it gets no outcome. Writing one later could answer it twice, so such
entries are counted and reported.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import redis

from consumer.metrics import ConsumerMetrics
from schemas.streams import Streams
from transport.answers import find_answers

logger = logging.getLogger(__name__)


@dataclass
class LostEntryDetector:
    """Remembers fenced entries, and checks later whether they have an answer.

    Attributes:
        client: a synchronous client; the search runs in a thread.
        delay_s: how long another consumer may have such an entry in hand.
    """

    client: redis.Redis
    streams: Streams
    delay_s: float
    metrics: ConsumerMetrics
    _due_s: dict[bytes, float] = field(default_factory=dict)

    def add(self, entry_ids: Sequence[bytes]) -> None:
        """Check these later."""
        self._due_s.update(dict.fromkeys(entry_ids, time.monotonic() + self.delay_s))

    async def check(self) -> int:
        """Report entries that are due and have no answer; returns how many.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        now_s = time.monotonic()
        due = [entry_id for entry_id, due_s in self._due_s.items() if due_s <= now_s]
        if not due:
            return 0
        found = await asyncio.to_thread(find_answers, self.client, self.streams, [i.decode() for i in due])
        for entry_id in due:
            del self._due_s[entry_id]
        if lost := len(found.lost):
            logger.error("entries acknowledged by others have no answer", extra={"entries": lost})
            self.metrics.record_lost(lost)
        return lost
