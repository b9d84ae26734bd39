"""Shards, cores, memory and machines by the rate of events."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.scale.costs import Costs

RATES = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
REDIS_SHARE = 0.5
"""Of Redis's thread that a shard may use: about where the measured consumer still kept up."""
KEPT = 1_000_000
"""Events that stay on the streams of a domain by default (`retention`)."""
PAUSE_S = 600
"""Time without consumers for which memory must suffice."""
WAITING_BYTES = 275
"""Of Redis for a listing without an answer (docs/runbook.md)."""
CORES, GIGABYTES = 4, 32
"""Of a machine. Half of its memory is left for the copy that Redis makes while it rewrites its file."""
CORE_SHARE = 0.7
"""Of a machine's cores that are planned."""


@dataclass(frozen=True, slots=True)
class RatePlan:
    """What a rate needs.

    Attributes:
        rate: in events/s.
        shards: each with a Redis, which is never split over machines, and a consumer that drains all it carries.
        redis_share: of the thread of each Redis.
        cores: of all consumers and Redis.
        gigabytes: of all Redis, after a pause of `PAUSE_S`.
        machines: of `CORES` and `GIGABYTES`.
        limit: why there are not fewer shards: the thread of Redis, the memory, or nothing.
    """

    rate: int
    shards: int
    redis_share: float
    cores: float
    gigabytes: float
    machines: int
    limit: str


def plan(costs: Costs, rate: int) -> RatePlan:
    """What a rate needs by the measured costs.

    Raises:
        ValueError: one consumer drains less than a shard carries.
    """
    usable, kept = GIGABYTES / 2 * 1e9, KEPT * costs.event_bytes
    carried = {"Redis's thread": REDIS_SHARE * costs.redis_rate, "memory": (usable - kept) / (PAUSE_S * WAITING_BYTES)}
    limit = min(carried, key=lambda name: carried[name])
    shards = math.ceil(rate / carried[limit])
    each = rate / shards
    if each > costs.consumer_rate:
        raise ValueError(f"a consumer drains {costs.consumer_rate:,.0f} events/s, but a shard carries {each:,.0f}")
    size = costs.batch_of(each)
    redis_share = each * costs.redis.of_event(size)
    cores = redis_share + each * costs.consumer.of_event(size)
    held = kept + each * PAUSE_S * WAITING_BYTES
    machines = math.ceil(shards / min(int(CORES * CORE_SHARE / cores), int(usable / held)))
    gigabytes = shards * held / 1e9
    return RatePlan(rate, shards, redis_share, shards * cores, gigabytes, machines, limit if shards > 1 else "")


def growth_table(costs: Costs) -> Iterator[str]:
    """The lines of the table."""
    yield "| events/s | shards | Redis's thread | cores | memory of Redis | machines | what makes shards |"
    yield "|---:|---:|---:|---:|---:|---:|---|"
    for rate in RATES:
        made = plan(costs, rate)
        yield (
            f"| {rate:,} | {made.shards} | {made.redis_share:.0%} | {made.cores:.1f} | {made.gigabytes:,.1f} GB "
            f"| {made.machines} | {made.limit} |"
        )
