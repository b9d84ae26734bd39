"""`GET /scale`: how much work waits for consumers and explainers, for an autoscaler.

The monitor serves it because an autoscaler that has stopped the last consumer needs the backlog to start one again. A
gateway turns listings away while no consumer runs, so it says in its heartbeat that it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis.asyncio
from faststream.asgi import AsgiResponse, get
from faststream.asgi.response import JSONResponse
from faststream.asgi.types import ASGIApp, Scope
from redis.exceptions import RedisError

from schemas.frozen_model import FrozenModel
from schemas.states import GatewayHeartbeat
from schemas.streams import Streams
from transport.backlog import read_backlog_async, sum_backlogs
from transport.clock import now_ms_async
from transport.entries import EntryId
from transport.watched_shards import WatchedShardsAsync

SCALE = "/scale"
"""Its path."""


RECENT_S = 60
"""Time for which a listing, or one that a gateway turned away, keeps a consumer running that has no backlog."""


class Workload(FrozenModel):
    """The work that waits in one domain.

    Attributes:
        demand: what consumers are scaled by: the backlog, and 1 in place of 0 while listings come.
        backlog: listings without an outcome.
        undelivered: those of them that no consumer has read.
        pending: those of them that a consumer has read.
        explain_requests: requests for explanations without an answer.
    """

    demand: int
    backlog: int
    undelivered: int
    pending: int
    explain_requests: int


async def read_workload(client: redis.asyncio.Redis, shards: Sequence[Streams]) -> Workload:
    """Read the workload of all shards of a domain; takes the same time at any length.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    backlog = sum_backlogs([await read_backlog_async(client, shard) for shard in shards])
    requests: list[Any] = [await client.xlen(shard.explain) for shard in shards]
    return Workload(
        demand=backlog.total or int(await _are_listings_coming(client, shards)),
        backlog=backlog.total,
        undelivered=backlog.undelivered,
        pending=backlog.pending,
        explain_requests=sum(requests),
    )


async def _are_listings_coming(client: redis.asyncio.Redis, shards: Sequence[Streams]) -> bool:
    """Whether one was published, or turned away by a gateway, within `RECENT_S`."""
    since_ms = await now_ms_async(client) - RECENT_S * 1000
    for shard in shards:
        newest: Any = await client.xrevrange(shard.listings, count=1)
        if newest and EntryId.parse(newest[0][0]).ms >= since_ms:
            return True
    beats: Any = await client.hvals(shards[0].gateways)
    gateways = [GatewayHeartbeat.model_validate_json(beat) for beat in beats]
    return any(each.unserved_s is not None and each.at_ms - each.unserved_s * 1000 >= since_ms for each in gateways)


def scale_route(client: redis.asyncio.Redis, streams: Streams) -> tuple[str, ASGIApp]:
    """The route, which answers with a `Workload`, or with 503 while Redis does not answer."""
    shards = WatchedShardsAsync(client, streams)

    @get(include_in_schema=False)
    async def scale(scope: Scope) -> AsgiResponse:  # noqa: ARG001
        try:
            workload = await read_workload(client, await shards.read())
        except (RedisError, OSError):
            return JSONResponse({"detail": "Redis does not answer"}, 503)
        return JSONResponse(workload.model_dump())

    return SCALE, scale
