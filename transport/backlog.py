"""The backlog: listings that are published and not answered yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import redis
import redis.asyncio

from schemas.streams import SCORERS, Streams
from transport.scripts import Script

_BACKLOG = Script("transport", "backlog")


@dataclass(frozen=True, slots=True)
class Backlog:
    """Entries of `listings` without an answer.

    Attributes:
        undelivered: published, not read by any consumer.
        pending: read, not answered.
        is_exact: False if the server does not report its lag, so that the number is derived from our own counts.
    """

    undelivered: int
    pending: int
    is_exact: bool

    @property
    def total(self) -> int:
        """Undelivered and pending together."""
        return self.undelivered + self.pending


def sum_backlogs(backlogs: Iterable[Backlog]) -> Backlog:
    """The backlog of a domain, from those of its shards."""
    each = list(backlogs)
    return Backlog(
        sum(one.undelivered for one in each), sum(one.pending for one in each), all(one.is_exact for one in each)
    )


def read_backlog(client: redis.Redis, streams: Streams) -> Backlog:
    """Read the backlog of one shard; takes the same time at any length."""
    undelivered, pending, exact = _BACKLOG.run(client, (streams.listings, streams.progress), (SCORERS,))
    return Backlog(undelivered, pending, bool(exact))


async def read_backlog_async(client: redis.asyncio.Redis, streams: Streams) -> Backlog:
    """As `read_backlog`, for an asynchronous client."""
    undelivered, pending, exact = await _BACKLOG.run_async(client, (streams.listings, streams.progress), (SCORERS,))
    return Backlog(undelivered, pending, bool(exact))
