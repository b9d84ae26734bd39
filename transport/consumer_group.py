"""One consumer's membership of a consumer group: read, claim, take, renew, acknowledge, leave.

Consumers, training workers and monitors all work through this. Claiming does not raise the delivery count: a crash
leaves every entry of a batch pending, and only one of them may be the cause. The count goes up when an entry is taken
in hand to be tried alone, so an entry that kills its consumer becomes poison and its neighbours never do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import redis.asyncio
from redis.exceptions import ResponseError

from transport.scripts import Script

CHUNK = 100
"""Entries that are claimed at once."""

_CLAIM, _TAKE, _RENEW, _LEAVE = (Script("transport", name) for name in ("claim", "take", "renew", "leave"))


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One entry as it was delivered. A struct, because a named tuple takes four times as long to make.

    Attributes:
        id: its entry id.
        flat: fields and values in turn, as Redis sends them; None where the payload is gone.
        deliveries: how often it has been delivered, this time included.
    """

    id: bytes
    flat: Sequence[bytes] | None
    deliveries: int = 1

    @property
    def fields(self) -> Mapping[bytes, bytes]:
        """Values by field; empty where the payload is gone."""
        flat = self.flat or ()
        return dict(zip(flat[::2], flat[1::2], strict=True))


@dataclass
class ConsumerGroup:
    """A consumer of a group on one stream.

    Attributes:
        client: replies must be bytes.
        stream: its key.
        group: the group's name.
        consumer: the consumer's name; two living consumers must not share one.
        claim_idle_ms: how long an entry is left alone before others claim it.
    """

    client: redis.asyncio.Redis
    stream: str
    group: str
    consumer: str
    claim_idle_ms: int

    async def create(self) -> None:
        """Create the group at the beginning of the stream, unless it exists; see `create_group`."""
        await create_group(self.client, self.stream, self.group)

    async def read(self, count: int) -> list[Entry]:
        """Up to `count` entries that no consumer has been given; does not wait."""
        reply: Any = await self.client.xreadgroup(self.group, self.consumer, {self.stream: ">"}, count=count)
        return [
            Entry(entry_id, [part for pair in fields.items() for part in pair])
            for _, entries in reply or ()
            for entry_id, fields in entries
        ]

    async def claim_own(self, count: int = CHUNK) -> list[Entry]:
        """Entries pending under the consumer's own name, without their payloads (see `take`)."""
        return await self._claim(0, self.consumer, count, with_fields=False)

    async def claim_idle(self, count: int = CHUNK, *, with_fields: bool = False) -> list[Entry]:
        """Entries that were left alone for `claim_idle_ms`, now the consumer's own; gone ones are not claimed."""
        return await self._claim(self.claim_idle_ms, "", count, with_fields=with_fields)

    async def take(self, entry: Entry) -> Entry | None:
        """Take a claimed entry in hand: counted, with its payload; None if another consumer owns it by now."""
        reply = await _TAKE.run_async(self.client, [self.stream], [self.group, self.consumer, entry.id])
        if not reply:
            return None
        deliveries, *payload = reply
        return Entry(entry.id, payload[0], deliveries + 1) if payload else Entry(entry.id, None, deliveries)

    async def renew(self, entry_ids: Sequence[bytes | str]) -> int:
        """Keep entries in hand from being claimed; returns how many the consumer still owns."""
        arguments = [self.group, self.consumer, *entry_ids]
        return int(await _RENEW.run_async(self.client, [self.stream], arguments))

    async def acknowledge(self, entry_id: bytes | str) -> None:
        """Take an entry off the pending ones."""
        await self.client.xack(self.stream, self.group, entry_id)

    async def last_own(self) -> bytes:
        """The last entry pending under the consumer's own name; b"" if there is none."""
        pending: Any = await self.client.xpending_range(self.stream, self.group, "-", "+", 1000, self.consumer)
        return pending[-1]["message_id"] if pending else b""

    async def leave(self, *, gives_back: bool = False) -> int:
        """Leave the group, unless entries are pending under the consumer's name; returns how many are.

        Args:
            gives_back: let others claim these at once, and do not count the attempt that was under way.
        """
        idle = [self.claim_idle_ms] if gives_back else []
        return int(await _LEAVE.run_async(self.client, [self.stream], [self.group, self.consumer, *idle]))

    async def remove(self, consumer: bytes) -> bool:
        """Remove another consumer that holds nothing; False if it holds entries."""
        return not await _LEAVE.run_async(self.client, [self.stream], [self.group, consumer])

    async def _claim(self, idle_ms: int, owner: str, count: int, *, with_fields: bool) -> list[Entry]:
        arguments = [self.group, self.consumer, idle_ms, count, owner, int(with_fields)]
        claimed, gone = await _CLAIM.run_async(self.client, [self.stream], arguments)
        found = zip(claimed[::3], claimed[1::3], claimed[2::3], strict=True)
        without_payload = zip(gone[::2], gone[1::2], strict=True)
        return [
            *(Entry(id_, fields if with_fields else (), n) for id_, n, fields in found),
            *(Entry(id_, None, n) for id_, n in without_payload),
        ]


async def create_group(client: redis.asyncio.Redis, stream: str, group: str) -> None:
    """Create a group at the beginning of a stream, and the stream if it is missing; does nothing if the group exists.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    try:
        await client.xgroup_create(stream, group, id="0", mkstream=True)
    except ResponseError as error:
        if "BUSYGROUP" not in str(error):
            raise


async def has_group(client: redis.asyncio.Redis, stream: str, group: str) -> bool:
    """Whether the stream exists and has the group."""
    try:
        groups = await client.xinfo_groups(stream)
    except ResponseError as error:
        if "no such key" in str(error):
            return False
        raise
    return any(each["name"] == group.encode() for each in groups)
