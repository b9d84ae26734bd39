"""What operators see of the shards of a domain: how many there are, what each has to do, and who reads it."""

from __future__ import annotations

import time
from collections.abc import Collection

import redis

from operations.judging import BacklogStatus
from operations.processes import ConsumerStatus, read_processes
from operations.shard_sums import read_backlog_status
from schemas.frozen_model import FrozenModel
from schemas.streams import Streams
from transport.shards import read_hold, read_layout

_POLL_S = 0.1


class ShardState(FrozenModel):
    """One shard.

    Attributes:
        shard: its number.
        prefix: of its keys.
        gets_listings: whether publishers send to it; otherwise it is read until it is empty.
        backlog: its unanswered entries.
        consumers: names of the living consumers whose own it is.
    """

    shard: int
    prefix: str
    gets_listings: bool
    backlog: BacklogStatus
    consumers: tuple[str, ...]


class ShardsStatus(FrozenModel):
    """The shards of one domain.

    Attributes:
        count: over how many shards listings are spread.
        read: how many are read.
        epoch: how often the count has changed.
        is_changing: whether publishers wait because it is being changed.
        missing: names of living consumers that have not read the newest number yet.
        shards: each that is read.
    """

    count: int
    read: int
    epoch: int
    is_changing: bool
    missing: tuple[str, ...]
    shards: tuple[ShardState, ...]


def read_shards(client: redis.Redis, streams: Streams) -> ShardsStatus:
    """Read the state of all shards.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    is_held, _ = read_hold(client, streams)
    layout = read_layout(client, streams)
    processes = read_processes(client, streams)
    living = [one.heartbeat for one in processes.consumers if one.is_living]
    return ShardsStatus(
        **layout.model_dump(),
        is_changing=is_held,
        missing=_behind(processes.consumers, layout.epoch),
        shards=tuple(
            ShardState(
                shard=shard.shard,
                prefix=shard.shard_prefix,
                gets_listings=shard.shard < layout.count,
                backlog=read_backlog_status(client, [shard], processes.at_ms),
                consumers=tuple(beat.name for beat in living if shard.shard in beat.shards),
            )
            for shard in layout.streams(streams)
        ),
    )


def wait_for_consumers(client: redis.Redis, streams: Streams, epoch: int, timeout_s: float) -> Collection[str]:
    """Wait until every living consumer has read a change; returns the names of those that have not in time."""
    deadline_s = time.monotonic() + timeout_s
    while (missing := _behind(read_processes(client, streams).consumers, epoch)) and time.monotonic() < deadline_s:
        time.sleep(_POLL_S)
    return missing


def _behind(consumers: Collection[ConsumerStatus], epoch: int) -> tuple[str, ...]:
    return tuple(one.heartbeat.name for one in consumers if one.is_living and one.heartbeat.shards_epoch < epoch)
