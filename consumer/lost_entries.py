"""Entries that were not pending any more when their outcome came: was it somebody else who answered them?

Usually it was. But what drops a pending entry behind the consumer's back (a user who deletes it and claims over it, a
consumer removed by hand) makes its acknowledgement fail just the same, and then nobody answers. That cannot be mended
without risking a double, so it is counted and reported.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence

import redis

from schemas.streams import Streams
from transport.answers import find_answers

logger = logging.getLogger(__name__)


class LostEntryDetector:
    """Remembers fenced entries, and looks some time later whether they have an answer.

    Args:
        client: a synchronous client; the search runs in a thread.
        streams: the domain's keys.
        patience_s: how long somebody else may have such an entry in hand.
    """

    def __init__(self, client: redis.Redis, streams: Streams, patience_s: float) -> None:
        self._client = client
        self._streams = streams
        self._patience_s = patience_s
        self._noted: dict[bytes, float] = {}
        self.lost = 0

    def note(self, entry_ids: Sequence[bytes]) -> None:
        """Look for these later."""
        due = time.monotonic() + self._patience_s
        self._noted.update(dict.fromkeys(entry_ids, due))

    async def look(self) -> int:
        """Report what is due and has no answer; returns how many.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        now = time.monotonic()
        due = [entry_id for entry_id, at in self._noted.items() if at <= now]
        if not due:
            return 0
        found = await asyncio.to_thread(find_answers, self._client, self._streams, [i.decode() for i in due])
        for entry_id in due:
            del self._noted[entry_id]
        return len(found.lost)
