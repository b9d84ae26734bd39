"""The shards of a domain as one consumer follows them: how many it reads, and whose own ones they are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import redis.asyncio

from consumer.fellows import Fellows
from schemas.command_line import spell_command
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from schemas.shards import ShardLayout
from schemas.streams import Streams
from service.health import Health
from transport.scripts import Script
from transport.shards import read_hold_async

_CREATE = Script("consumer", "create_shards")


def owner_of(shard: int, consumers: Iterable[str]) -> str:
    """The consumer whose own shard it is: that of the highest hash, so that a change moves the fewest shards.

    Rendezvous hashing (Thaler and Ravishankar 1998); empty where there is no consumer.
    """
    return max(consumers, key=lambda name: hashlib.sha256(f"{shard}\n{name}".encode()).digest(), default="")


@dataclass
class ShardFollower:
    """Follows the shards of one domain.

    Attributes:
        client: replies must be bytes.
        streams: the domain's keys.
        settings: how many shards a new domain begins with.
        name: of this consumer.
        health: gets a warning where the setting is another number.
        fellows: the consumers among which shards are divided.
        layout: as it was last read.
    """

    client: redis.asyncio.Redis
    streams: Streams
    settings: Settings
    name: str
    health: Health
    fellows: Fellows
    layout: ShardLayout = field(default_factory=ShardLayout)
    _is_known: bool = False

    async def follow(self) -> ShardLayout:
        """Read how many shards there are; write it for a new domain, and again where it was deleted.

        Where the hash says nothing useful, the shards stay that are known, with a warning.

        Raises:
            ConfigurationError: it says nothing useful, and none are known yet.
            redis.exceptions.RedisError: as the server answered.
        """
        try:
            _, layout = await read_hold_async(self.client, self.streams)
        except ConfigurationError as error:
            if not self._is_known:
                raise
            self.health.warn("shards", str(error))
            return self.layout
        self._is_known = True
        if layout is None and (wanted := await self._unwritten()).read > 1:
            await _CREATE.run_async(self.client, [self.streams.shards], [wanted.count, wanted.read, wanted.epoch])
            _, layout = await read_hold_async(self.client, self.streams)
        self.layout = layout or self.layout
        self._compare()
        return self.layout

    async def owners(self) -> list[str]:
        """The consumer whose own it is, for each shard that is read; this one counts, whatever its heartbeat says.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        if self.layout.read == 1:
            return [self.name]
        consumers = await self.fellows.serving() | {self.name}
        return [owner_of(shard, consumers) for shard in range(self.layout.read)]

    async def _unwritten(self) -> ShardLayout:
        """The layout of a domain of which Redis knows none."""
        if self.layout.read > 1:
            return self.layout
        is_new = not await self.client.exists(self.streams.listings)
        count = self.settings.shards if is_new else 1
        return ShardLayout(count=count, read=count)

    def _compare(self) -> None:
        """Warn where the setting is neither the default nor what Redis says."""
        setting, count = self.settings.shards, self.layout.count
        if setting in {1, count}:
            self.health.clear("shards")
        else:
            self.health.warn(
                "shards",
                f"the settings say {setting} shards and Redis {count}, which counts: "
                f"change it with `{spell_command(f'shards set {setting}', self.settings.domain)}`, or the setting",
            )
