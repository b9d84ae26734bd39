"""What an event costs, as docs/benchmarks-faster-cores.md has it: processor time by the size of a batch, and memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from schemas.errors import DataError

BATCH = 1000
"""Largest batch of the default settings."""


@dataclass(frozen=True, slots=True)
class BatchCost:
    """Processor time of a batch: a part for the batch, and one for each event, in µs."""

    batch_us: float
    event_us: float

    def of_event(self, size: float) -> float:
        """Processor time of an event in batches of a size, in s."""
        return (self.event_us + self.batch_us / size) / 1e6


@dataclass(frozen=True, slots=True)
class Costs:
    """What events cost.

    Attributes:
        consumer: processor time of the consumer.
        redis: processor time of Redis.
        event_bytes: of Redis, for an event with its answer.
    """

    consumer: BatchCost
    redis: BatchCost
    event_bytes: float

    def batch_of(self, rate: float) -> float:
        """Events in a batch of a consumer that keeps up with a rate: those that came while it handled the one before.

        A cycle is the time of the consumer and of Redis one after the other: a consumer that keeps up reads nothing
        ahead.
        """
        events_us = rate * (self.consumer.event_us + self.redis.event_us) / 1e6
        if events_us >= 1:
            return BATCH
        cycle_s = (self.consumer.batch_us + self.redis.batch_us) / 1e6 / (1 - events_us)
        return min(max(rate * cycle_s, 1.0), BATCH)

    @property
    def consumer_rate(self) -> float:
        """Events/s that one consumer drains if Redis is not the limit."""
        return 1 / self.consumer.of_event(BATCH)

    @property
    def redis_rate(self) -> float:
        """Events/s that one Redis carries."""
        return 1 / self.redis.of_event(BATCH)


def read_costs(page: str, features: int = 13) -> Costs:
    """Costs of the reference model, from the page of benchmarks.

    A line through batches of 1 and of 1,000 gives the parts; the measured sizes between them lie within 10 % of it.

    Args:
        page: the text of docs/benchmarks-faster-cores.md, or of docs/benchmarks.md.
        features: a measured number of features; more of them make each event dearer.

    Raises:
        DataError: the page has no such figures.
    """
    batches = {row[0]: row for row in _rows(page, "Growth with the batch")}
    sizes = {row[0]: row for row in _rows(page, "Growth with the number of features")}
    try:
        few, many, events = sizes["13"], sizes[str(features)], 50_000
        consumer, redis = (
            _through(
                float(batches["1"][column]),
                float(batches[f"{BATCH:,}"][column]),
                float(many[column]) - float(few[column]),
            )
            for column in (2, 3)
        )
        return Costs(consumer, redis, float(many[-1].split()[0]) * 1e6 / events)
    except (KeyError, ValueError, IndexError) as error:
        raise DataError(f"the page of benchmarks has no figures for {error}") from error


def _through(one_us: float, many_us: float, extra_us: float) -> BatchCost:
    event_us = (BATCH * many_us - one_us) / (BATCH - 1)
    return BatchCost(one_us - event_us, event_us + extra_us)


def _rows(page: str, heading: str) -> Iterator[list[str]]:
    """Cells of the table below a heading."""
    _, _, section = page.partition(f"## {heading}\n")
    for line in section.partition("\n## ")[0].splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]
