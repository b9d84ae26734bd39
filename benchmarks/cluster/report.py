"""The report: medians over the rounds, ratios within each round, and the goals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from benchmarks.cluster.drains import IDLE_SHARDS, ShardedDrain
from schemas.frozen_model import FrozenModel
from tasador.bench.machine import Machine
from tasador.bench.markdown import table
from tasador.bench.throughput import Spread

ONE, ONE_SHARDED, CLUSTER = "one Redis", "one Redis, 3 shards", "cluster of 3, 3 shards"
SETUPS = (ONE, ONE_SHARDED, CLUSTER)
MOST_TIMES = 1.15
"""What an event on the cluster may cost, relative to one Redis."""
MOST_IDLE = 0.03
"""Share of a core that a consumer may use for shards without listings."""


class ClusterReport(FrozenModel):
    """All figures.

    Attributes:
        listings: of each drain.
        drains: in the order in which they were made; each round has one of each setup.
        idle: share of a core of a consumer on the cluster, for shards without listings.
    """

    made_at: datetime
    machine: Machine
    listings: int
    drains: tuple[ShardedDrain, ...]
    idle: float

    def of(self, setup: str) -> list[ShardedDrain]:
        """The drains of one setup."""
        return [drain for drain in self.drains if drain.setup == setup]

    def times(self, setup: str, cost: Callable[[ShardedDrain], float]) -> Spread:
        """A cost relative to that of one Redis in the same round."""
        pairs = zip(self.of(setup), self.of(ONE), strict=True)
        return Spread.of(cost(drain) / cost(one) for drain, one in pairs)

    @property
    def is_good(self) -> bool:
        """Whether every goal is reached."""
        return self.times(CLUSTER, event_us).median <= MOST_TIMES and self.idle <= MOST_IDLE

    @property
    def page(self) -> str:
        """The tables in Markdown."""
        heads = ("µs of processor time an event", *SETUPS)
        parts = [
            ("Redis, publishing", lambda drain: drain.servers_publish_us),
            ("Redis, answering", lambda drain: drain.servers_us),
            ("the consumer", lambda drain: drain.consumer_us),
            ("together", event_us),
            ("the publisher", publisher_us),
        ]
        rows = [(title, *(_median(self.of(setup), cost) for setup in SETUPS)) for title, cost in parts]
        ratios = [
            (title, "", *(_range(self.times(setup, cost)) for setup in SETUPS[1:]))
            for title, cost in (
                ("together, ratio", event_us),
                ("the publisher, ratio", publisher_us),
                ("with the publisher, ratio", all_us),
            )
        ]
        idle = f"A consumer of {IDLE_SHARDS} shards without listings uses {100 * self.idle:.1f} % of a core."
        return f"{table(heads, [*rows, *ratios])}\n\n{idle}"


def event_us(drain: ShardedDrain) -> float:
    """Of Redis and the consumer."""
    return drain.event_us


def publisher_us(drain: ShardedDrain) -> float:
    """Of the publisher."""
    return drain.publisher_us


def all_us(drain: ShardedDrain) -> float:
    """Of all processes."""
    return drain.event_us + drain.publisher_us


def _median(drains: Sequence[ShardedDrain], cost: Callable[[ShardedDrain], float]) -> str:
    return f"{Spread.of(map(cost, drains)).median:.2f}"


def _range(times: Spread) -> str:
    return f"{times.median:.3f} ({times.min:.3f} - {times.max:.3f})"
