"""Figures of a domain that each of its shards keeps for itself, added up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Self

import redis

from monitoring.latency import Latency, read_latency, read_rate
from operations.future_ids import read_ahead_s
from operations.judging import BacklogStatus
from schemas.sections import RetentionSettings
from schemas.streams import Streams
from transport.backlog import read_backlog, sum_backlogs
from transport.blocking_groups import BlockingGroup, read_blocking_groups
from transport.entries import EntryId
from transport.reading import pending


@dataclass(frozen=True)
class ShardSums:
    """The figures of all shards together.

    Attributes:
        progress: counts and sums by name.
        blocking: groups that keep answered listings from being trimmed.
        ahead_s: how far the newest id of a listing is ahead of Redis's clock, at most.
        rate_per_s: answers a second.
        latency_ms: of the newest predictions of each shard.
        dead_letters_kept: how many can be read now.
        rate_limited_kept: the same of listings refused by the rate limit.
    """

    progress: Mapping[str, float]
    backlog: BacklogStatus
    blocking: tuple[BlockingGroup, ...]
    ahead_s: float
    rate_per_s: float
    latency_ms: Latency | None
    dead_letters_kept: int
    rate_limited_kept: int

    @classmethod
    def read(
        cls, client: redis.Redis, shards: Sequence[Streams], at_ms: int, retention: RetentionSettings | None
    ) -> Self:
        """Read the figures of these shards.

        Args:
            client: replies must be bytes.
            shards: keys of each.
            at_ms: Redis's clock.
            retention: limits of trimming; without them nothing blocks it.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        blocking = [read_blocking_groups(client, shard, retention) for shard in shards] if retention else []
        return cls(
            progress=_progress(client, shards),
            backlog=read_backlog_status(client, shards, at_ms),
            blocking=tuple(group for groups in blocking for group in groups),
            ahead_s=max(read_ahead_s(client, shard, at_ms) for shard in shards),
            rate_per_s=read_rate(client, *shards),
            latency_ms=read_latency(client, *shards),
            dead_letters_kept=sum(client.xlen(shard.dead_letters) for shard in shards),
            rate_limited_kept=sum(client.xlen(shard.rate_limited) for shard in shards),
        )


def read_backlog_status(client: redis.Redis, shards: Sequence[Streams], at_ms: int) -> BacklogStatus:
    """The backlog of these shards together, and the age of the oldest pending entry."""
    backlog = sum_backlogs(read_backlog(client, shard) for shard in shards)
    oldest = [EntryId.parse(entry_id) for shard in shards if (entry_id := next(pending(client, shard), None))]
    return BacklogStatus(
        total=backlog.total,
        **asdict(backlog),
        # an entry with an id of the future has no known age
        oldest_pending_s=max(((entry.age_ms(at_ms) or 0) / 1000 for entry in oldest), default=0.0),
    )


def _progress(client: redis.Redis, shards: Sequence[Streams]) -> Mapping[str, float]:
    sums: Counter[str] = Counter()
    for shard in shards:
        fields: Any = client.hgetall(shard.progress)
        for name, value in fields.items():
            with suppress(ValueError):  # marks of trimming are entry ids
                sums[name.decode()] += float(value)  # type: ignore[assignment]
    return sums
