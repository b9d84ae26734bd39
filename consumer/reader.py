"""Reading new entries: a read is sent, and its entries are fetched later, so that Redis may work meanwhile."""

from __future__ import annotations

from collections.abc import Sized

from consumer.batch import Entry
from schemas.sections import BatchSettings
from schemas.streams import SCORERS
from transport.pipelined_connection import PipelinedConnection


class Reader:
    """Reads one stream under one consumer's name.

    Args:
        line: a connection for reads alone, since a read waits on the server.
        stream: the listings.
        consumer: the name in the group.
        batch: how much is read at once, and how long a read waits for the first entry.
    """

    def __init__(self, line: PipelinedConnection, stream: str, consumer: str, batch: BatchSettings) -> None:
        self._line = line
        self._most = batch.max_records
        self._patience_s = batch.block_ms / 1000
        self._head = ("XREADGROUP", "GROUP", SCORERS, consumer, "COUNT", batch.max_records)
        self._wait = ("BLOCK", batch.block_ms)
        self._tail = ("STREAMS", stream, ">")

    async def send(self, *, is_waiting: bool) -> None:
        """Send a read; its entries must be received before the next one is sent.

        Args:
            is_waiting: whether the read waits for a first entry.

        Raises:
            redis.exceptions.RedisError: entries may have been delivered nevertheless.
        """
        await self._line.send(*self._head, *(self._wait if is_waiting else ()), *self._tail)

    async def receive(self) -> list[Entry]:
        """The entries of the read under way; to be awaited, never cancelled, or they are delivered and forgotten.

        Raises:
            redis.exceptions.RedisError: entries may have been delivered nevertheless.
        """
        reply = await self._line.receive(self._patience_s)
        return [Entry(entry_id, flat) for _, entries in reply or () for entry_id, flat in entries]

    def may_leave_some(self, entries: Sized) -> bool:
        """Whether there was more on the stream than a read takes."""
        return len(entries) >= self._most
