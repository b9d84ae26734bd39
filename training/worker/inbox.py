"""The inbox: which entries of the command stream a worker holds. Takes, renews and gives them back, unparsed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_fixed

from schemas.streams import TRAINERS, Streams
from transport.connection import is_transient
from transport.consumer_group import ConsumerGroup, Entry
from transport.entries import EntryId

logger = logging.getLogger(__name__)

_RETRY_S = 0.5


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One entry of the command stream.

    Attributes:
        id: its entry id.
        fields: None where the entry was deleted while it was pending.
        attempts: how often a worker died while it carried out this entry.
    """

    id: str
    fields: Mapping[bytes, bytes] | None
    attempts: int = 0


class CommandInbox:
    """The entries of one worker.

    Attributes:
        in_hand: the ids of entries that are being carried out, and how often each: a consumer group that is created
            again may deliver an entry that is still in hand.
    """

    def __init__(self, client: redis.asyncio.Redis, streams: Streams, worker: str, claim_idle_ms: int) -> None:
        self._client = client
        self._streams = streams
        self._claim_idle_ms = claim_idle_ms
        self._group = ConsumerGroup(client, streams.commands, TRAINERS, worker, claim_idle_ms)
        self._claimed: list[Entry] = []
        self.in_hand: Counter[str] = Counter()

    async def create_group(self) -> None:
        """Create the consumer group at the beginning of the stream, so that commands sent before the first start count.

        A group that vanished is created again: each command is delivered again, and found to have its reply.
        """
        await self._group.create()

    @contextmanager
    def holding(self, entry: CommandEntry) -> Iterator[None]:
        """Keep an entry in hand, so that it is renewed and no worker claims it.

        An error leaves it pending and is logged: a worker claims it again, and gives it up as poison in the end.
        """
        self.in_hand[entry.id] += 1
        try:
            yield
        except Exception:
            logger.exception("command failed, its entry stays pending", extra={"entry": entry.id})
        finally:
            self.in_hand[entry.id] -= 1
            self.in_hand += Counter()  # drops the ids whose count is 0

    async def note_left_over(self) -> None:
        """Remember what a former process of this name left pending; call it before the first read."""
        last = EntryId.parse(await self._group.last_own() or b"0-0")
        self._claimed = [entry for entry in await self._group.claim_own(1000) if EntryId.parse(entry.id) <= last]

    async def take_left_over(self) -> CommandEntry | None:
        """Claim one pending command whose worker is dead, and count the attempt; None if there is none."""
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
        """Reset the idle time of what is in hand, and extend the training lock."""
        if not self.in_hand:
            return
        await self._group.renew(list(self.in_hand))
        if await self.running_training() in self.in_hand:
            await self._client.pexpire(self._streams.training_lock, self._lock_ms)

    async def acquire_training_lock(self, entry: CommandEntry) -> bool:
        """Acquire the domain's one training lock; False while the command of another entry has it.

        The lock expires when its worker has died; a command that is claimed again gets its own lock back.
        """
        key = self._streams.training_lock
        if await self._client.set(key, entry.id, nx=True, px=self._lock_ms):
            return True
        return bool(await self._client.get(key) == entry.id.encode())

    async def running_training(self) -> str | None:
        """The entry of the command that is training, in any worker; None if there is none."""
        training: Any = await self._client.get(self._streams.training_lock)
        return training.decode() if training else None

    async def leave(self) -> int:
        """Release all pending entries for others to claim at once, and leave the group; returns how many there were."""
        return await self._group.leave(gives_back=True)

    @property
    def _lock_ms(self) -> int:
        # a worker that stalls for a while must not lose the lock to a second training
        return 12 * self._claim_idle_ms


def retry_until_redis_answers(entry: CommandEntry) -> AsyncRetrying:
    """Attempts at carrying out a command; safe to repeat, because the reply is fenced. Other errors are raised."""

    def log(state: RetryCallState) -> None:
        error = state.outcome and state.outcome.exception()
        logger.warning("redis command failed, retrying", extra={"entry": entry.id, "error": str(error)})

    return AsyncRetrying(retry=retry_if_exception(_is_redis_away), wait=wait_fixed(_RETRY_S), before_sleep=log)


def _is_redis_away(error: BaseException) -> bool:
    return isinstance(error, RedisError) and is_transient(error)
