"""The inbox: which commands a worker has in hand. It takes, renews and gives back; it does not look into them."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

from schemas.streams import TRAINERS, Streams
from transport.connection import is_transient
from transport.consumer_group import ConsumerGroup, Entry
from transport.entries import EntryId

logger = logging.getLogger(__name__)

_RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One entry of the stream of commands.

    Attributes:
        id: its entry id.
        fields: what it carries; None where somebody deleted it while it was pending.
        attempts: how often somebody took it in hand before and died.
    """

    id: str
    fields: Mapping[bytes, bytes] | None
    attempts: int = 0


class CommandInbox:
    """The commands of one worker.

    Attributes:
        in_hand: entry ids that are being carried out now, and how many times over: after the group was created again,
            an entry may be delivered while it is still being worked on.
    """

    def __init__(self, client: redis.asyncio.Redis, streams: Streams, worker: str, claim_idle_ms: int) -> None:
        self._client = client
        self._streams = streams
        self._claim_idle_ms = claim_idle_ms
        self._group = ConsumerGroup(client, streams.commands, TRAINERS, worker, claim_idle_ms)
        self._claimed: list[Entry] = []
        self.in_hand: Counter[str] = Counter()

    async def create_group(self) -> None:
        """Create the group where it is missing, at the beginning: commands sent before the first start are carried out.

        Doing so again is harmless: an answered command is known by its id.
        """
        await self._group.create()

    @contextmanager
    def holding(self, entry: CommandEntry) -> Iterator[None]:
        """Have an entry in hand: it is renewed and nobody claims it."""
        self.in_hand[entry.id] += 1
        try:
            yield
        finally:
            self.in_hand[entry.id] -= 1
            self.in_hand += Counter()  # forgets what came down to nothing

    async def persist(self, entry: CommandEntry, step: Callable[[], Awaitable[None]]) -> None:
        """Hold an entry and try until Redis serves; all steps can be repeated, since the answer is fenced."""
        with self.holding(entry):
            while True:
                try:
                    return await step()
                except RedisError as error:
                    if not is_transient(error):
                        logger.exception("command stays pending", extra={"entry": entry.id})
                        return None
                    logger.warning("command waits for Redis", extra={"entry": entry.id, "error": str(error)})
                except Exception:
                    # taken up again like that of a dead worker, and given up as poison in the end
                    logger.exception("command stays pending", extra={"entry": entry.id})
                    return None
                await asyncio.sleep(_RETRY_S)

    async def note_left_over(self) -> None:
        """Note what is pending under this worker's name before it reads: an earlier process of that name left it."""
        last = EntryId.parse(await self._group.last_own() or b"0-0")
        self._claimed = [entry for entry in await self._group.claim_own(1000) if EntryId.parse(entry.id) <= last]

    async def take_left_over(self) -> CommandEntry | None:
        """Take one pending command whose worker is dead, and count the attempt; None if there is none."""
        if not self._claimed:
            # one more than those in hand, which are idle too after this process was stopped for a while
            self._claimed = await self._group.claim_idle(1 + len(self.in_hand))
        while self._claimed:
            entry = self._claimed.pop(0)
            if entry.id.decode() in self.in_hand:
                continue
            taken = await self._group.take(entry) if entry.flat is not None else entry
            if taken is not None:
                fields = taken.fields if taken.flat is not None else None
                return CommandEntry(taken.id.decode(), fields, taken.deliveries - (fields is not None))
        return None

    async def renew(self) -> None:
        """Show that what is in hand is being worked on, however long it takes."""
        if not self.in_hand:
            return
        await self._group.renew(list(self.in_hand))
        training: Any = await self._client.get(self._streams.training)
        if training and training.decode() in self.in_hand:
            await self._client.pexpire(self._streams.training, self._lock_ms)

    async def acquire_training_lock(self, entry: CommandEntry) -> bool:
        """Take the one place for a training; False while the command of another entry has it.

        It expires when its worker has died, unless the command is taken up again, which gets its own place back.
        """
        key = self._streams.training
        if await self._client.set(key, entry.id, nx=True, px=self._lock_ms):
            return True
        return bool(await self._client.get(key) == entry.id.encode())

    async def leave(self) -> int:
        """Give everything back for others to take at once, and leave the group; returns how many entries that were."""
        return await self._group.leave(gives_back=True)

    @property
    def _lock_ms(self) -> int:
        # a worker that stalls for a while must not lose it to a second training
        return 12 * self._claim_idle_ms
