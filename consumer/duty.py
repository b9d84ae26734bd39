"""Whether a consumer reads a shard: its own ones always, others while their own consumer lags behind or is away.

Two consumers that read one shard harm nothing, because the fence stands; they only share its listings. So no shard is
locked or handed over: who should read it follows from the heartbeats (`consumer.shard_follower`), and a consumer that
stands by sees in the stream that the other one does not.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import redis.asyncio

from consumer.redis_guard import RedisGuard
from schemas.streams import SCORERS, Streams
from transport.entries import EntryId
from transport.scripts import Script

LOOK_S = 0.15
"""How often a consumer that stands by looks at the shard."""
HELP_S = 2.0
"""How long it reads the shard after it has found it behind."""
AWAY_MS = 200
"""A consumer that has not read for so long after a read must have ended (`batch.block_ms`) is away."""

_LOOK = Script("consumer", "look")


@dataclass
class ConsumerLoad:
    """How busy one consumer is, over all of its shards."""

    _full_s: float = -HELP_S

    def note_full(self) -> None:
        """Note that a read took as many entries as it may."""
        self._full_s = time.monotonic()

    @property
    def is_high(self) -> bool:
        """Whether more listings came just now than one read takes."""
        return time.monotonic() - self._full_s < 2 * LOOK_S


@dataclass
class Duty:
    """A consumer's duty in one shard.

    Attributes:
        client: replies must be bytes.
        streams: the shard's keys.
        load: of this consumer.
        block_ms: how long a read waits on the server.
        owner: name of the consumer whose own shard this is.
        is_own: whether that is this consumer.
    """

    client: redis.asyncio.Redis
    streams: Streams
    load: ConsumerLoad
    block_ms: int
    owner: str = ""
    is_own: bool = True
    _help_until_s: float = 0.0
    _seen: EntryId | None = None

    @property
    def is_reading(self) -> bool:
        """Whether to read the shard now."""
        return self.is_own or time.monotonic() < self._help_until_s

    def assign(self, owner: str, name: str) -> None:
        """Take over whose own shard it is, and with this consumer's name whether it is that one's."""
        self.owner, self.is_own = owner, owner == name

    def note_full(self) -> None:
        """Note that a read of this shard took as many entries as it may, so that there may be more."""
        self.load.note_full()
        if not self.is_own:
            self._help_until_s = time.monotonic() + HELP_S

    async def stand_by(self, guard: RedisGuard) -> None:
        """Wait a moment, then look whether the shard needs help.

        It does if its own consumer is away and an entry has not been delivered; or if the last entry of a moment ago
        has still not been delivered, and this consumer has little to do.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        await guard.pause(LOOK_S)
        if guard.is_stopping or self.is_own:
            return
        delivered, last, idle_ms = await _LOOK.run_async(self.client, [self.streams.listings], [SCORERS, self.owner])
        before, self._seen = self._seen, None
        if not delivered:
            return
        read_until, self._seen = EntryId.parse(delivered), EntryId.parse(last)
        is_away = not 0 <= idle_ms < self.block_ms + AWAY_MS
        is_behind = before is not None and read_until < before
        if (is_away and read_until < self._seen) or (is_behind and not self.load.is_high):
            self._help_until_s = time.monotonic() + HELP_S
