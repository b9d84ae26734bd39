"""Blocking groups: foreign consumer groups that do not read, so that answered listings cannot be trimmed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import redis
import redis.asyncio

from schemas.sections import RetentionSettings
from schemas.streams import SCORERS, Streams
from transport.scripts import Script

_BLOCKING = Script("transport", "blocking_groups")

SLACK = 1.1
"""Trimming keeps about a hundredth more than its limit, and what arrives between two rounds."""


@dataclass(frozen=True, slots=True)
class BlockingGroup:
    """A group that blocks trimming.

    Attributes:
        group: its name.
        since: entry id after which it needs everything; 0-0 if it has never read.
        entries: how many it has not acknowledged; None if the server does not report it.
    """

    group: str
    since: str
    entries: int | None

    def __str__(self) -> str:
        count = "listings" if self.entries is None else f"{self.entries:,} listings"
        return f"group {self.group} has not read {count} after {self.since}, so they cannot be trimmed"


def read_blocking_groups(client: redis.Redis, streams: Streams, keep: RetentionSettings) -> tuple[BlockingGroup, ...]:
    """The groups because of which more is kept than the limits allow; none while the limits hold."""
    return _judge(_BLOCKING.run(client, (streams.listings,), (SCORERS,)), keep)


async def read_blocking_groups_async(
    client: redis.asyncio.Redis, streams: Streams, keep: RetentionSettings
) -> tuple[BlockingGroup, ...]:
    """As `read_holders`, for an asynchronous client."""
    return _judge(await _BLOCKING.run_async(client, (streams.listings,), (SCORERS,)), keep)


def _judge(reply: Any, keep: RetentionSettings) -> tuple[BlockingGroup, ...]:
    length, age_ms, *rest = reply
    if length <= SLACK * keep.listings and age_ms <= SLACK * 1000 * keep.max_age_s:
        return ()
    groups = zip(rest[::3], rest[1::3], rest[2::3], strict=True)
    return tuple(BlockingGroup(name.decode(), since.decode(), None if n < 0 else n) for name, since, n in groups)
