"""Reading new entries: the next read is under way while a batch is scored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from consumer.batch import Entry
from schemas.sections import BatchSettings
from schemas.streams import SCORERS
from transport.line import Line, let_commands_leave


class Reader:
    """Reads one stream under one consumer's name.

    Args:
        line: a connection for reads alone, since a read waits on the server.
        stream: the listings.
        consumer: the name in the group.
        batch: how much is read at once, and how long a read waits for the first entry.
    """

    def __init__(self, line: Line, stream: str, consumer: str, batch: BatchSettings) -> None:
        self._line = line
        self._patience_s = batch.block_ms / 1000
        self._head = ("XREADGROUP", "GROUP", SCORERS, consumer, "COUNT", batch.max_records)
        self._wait = ("BLOCK", batch.block_ms)
        self._tail = ("STREAMS", stream, ">")

    async def start(self, *, is_waiting: bool) -> asyncio.Task[list[Entry]]:
        """Send a read, and give the task that will hold its entries; it must be awaited, never cancelled."""
        task = asyncio.create_task(self._read(self._wait if is_waiting else ()), name="read")
        await let_commands_leave()
        return task

    async def _read(self, wait: Sequence[object]) -> list[Entry]:
        await self._line.send(*self._head, *wait, *self._tail)
        reply = await self._line.receive(self._patience_s)
        return [Entry(entry_id, flat) for _, entries in reply or () for entry_id, flat in entries]
