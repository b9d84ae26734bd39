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
from redis.exceptions import RedisError, ResponseError

from schemas.streams import TRAINERS, Streams
from transport.connection import is_transient
from transport.entries import EntryId
from transport.scripts import read_script

logger = logging.getLogger(__name__)

_RETRY_S = 0.5
_TAKE = read_script("training.worker", "take")
_RENEW = read_script("training.worker", "renew")
_LEAVE = read_script("training.worker", "leave")


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
        self._worker = worker
        self._claim_idle_ms = claim_idle_ms
        self._own_until = ""
        self.in_hand: Counter[str] = Counter()

    async def create_group(self) -> None:
        """Create the group where it is missing, at the beginning: what was sent before the first start is carried out.

        Doing so again is harmless, because what was answered already is known by its command's id.
        """
        try:
            await self._client.xgroup_create(self._streams.commands, TRAINERS, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

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
        """Note what is pending under this worker's name before it reads: a process that had the name before left it."""
        found: Any = await self._client.xpending_range(
            self._streams.commands, TRAINERS, min="-", max="+", count=1000, consumername=self._worker
        )
        self._own_until = str(EntryId.parse(found[-1]["message_id"])) if found else ""

    async def take_left_over(self) -> CommandEntry | None:
        """Take one pending command whose worker is dead, and count the attempt; None if there is none."""
        who = (TRAINERS, self._worker, self._claim_idle_ms, self._own_until)
        found = await self._client.eval(_TAKE, 1, self._streams.commands, *who, *self.in_hand)
        if not found:
            self._own_until = ""
            return None
        entry_id, attempts, *payload = found
        flat = payload[0] if payload else None
        fields = dict(zip(flat[::2], flat[1::2], strict=True)) if flat is not None else None
        return CommandEntry(entry_id.decode(), fields, int(attempts))

    async def renew(self) -> None:
        """Show that what is in hand is being worked on, however long it takes."""
        if self.in_hand:
            keys = (self._streams.commands, self._streams.training)
            await self._client.eval(_RENEW, 2, *keys, TRAINERS, self._worker, self._place_ms, *self.in_hand)

    async def take_training_place(self, entry: CommandEntry) -> bool:
        """Take the one place for a training; False while the command of another entry has it.

        It expires when its worker has died, unless the command is taken up again, which gets its own place back.
        """
        key = self._streams.training
        if await self._client.set(key, entry.id, nx=True, px=self._place_ms):
            return True
        return bool(await self._client.get(key) == entry.id.encode())

    async def leave(self) -> int:
        """Give everything back for others to take at once, and leave the group; returns how many entries that were."""
        arguments = (TRAINERS, self._worker, self._claim_idle_ms)
        return int(await self._client.eval(_LEAVE, 1, self._streams.commands, *arguments))

    @property
    def _place_ms(self) -> int:
        # a worker that stalls for a while must not lose it to a second training
        return 12 * self._claim_idle_ms
