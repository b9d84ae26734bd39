"""The backlog of all shards, and which groups block their trimming, as one figure each for a consumer's metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from consumer.metrics import ConsumerMetrics
from transport.blocking_groups import BlockingGroup


class BacklogFigures:
    """Adds up what is known of each shard.

    Args:
        metrics: get the sums.
    """

    def __init__(self, metrics: ConsumerMetrics) -> None:
        self._metrics = metrics
        self._backlogs: dict[int, tuple[int, float]] = {}
        self._blocking: dict[int, Sequence[BlockingGroup]] = {}

    def set_backlog(self, shard: int, entries: int, oldest_pending_s: float) -> None:
        """Set one shard's backlog, and the age of its oldest pending entry in s."""
        self._backlogs[shard] = (entries, oldest_pending_s)
        counts, ages_s = zip(*self._backlogs.values(), strict=True)
        self._metrics.set_backlog(sum(counts), max(ages_s))

    def set_blocking(self, shard: int, blocking: Sequence[BlockingGroup]) -> None:
        """Set which groups block the trimming of one shard."""
        self._blocking[shard] = blocking
        held: dict[str, int | None] = {}
        known: Counter[str] = Counter()
        for group in (group for groups in self._blocking.values() for group in groups):
            known[group.group] += group.entries or 0
            is_unknown = group.entries is None or held.get(group.group, 0) is None
            held[group.group] = None if is_unknown else known[group.group]
        self._metrics.set_held(held)
