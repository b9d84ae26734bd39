"""One drain of a domain with shards: what publishing, the servers and the consumer use for each event."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.cluster.nodes import Servers
from schemas.decoding import payload_of
from schemas.errors import BenchmarkError
from schemas.frozen_model import FrozenModel
from schemas.streams import SCORERS, Streams
from tasador.bench.contenders.contender import listing_id_of_event
from tasador.bench.payloads import listing_id, publish
from tasador.bench.process import ContenderProcess
from tasador.bench.rig import Rig
from transport.reading import scan

SAMPLE_EVERY_S = 0.1
STALL_S = 120.0
IDLE_SHARDS = 16
SETTLE_S = 3.0
"""After which heartbeats, flows and the first checks of a consumer are over."""


class ShardedDrain(FrozenModel):
    """Processor time in µs for an event, of one drain; each listing was answered exactly once.

    Attributes:
        setup: what was measured.
        publisher_us: of the process that publishes.
        servers_publish_us: of all Redis servers while it publishes.
        servers_us: of all Redis servers while the consumer answers.
        consumer_us: of the consumer.
        events_per_s: the rate of answers.
    """

    setup: str
    publisher_us: float
    servers_publish_us: float
    servers_us: float
    consumer_us: float
    events_per_s: float

    @property
    def event_us(self) -> float:
        """Of all processes but the publisher."""
        return self.servers_publish_us + self.servers_us + self.consumer_us


class _Sample(NamedTuple):
    answers: int
    at_s: float
    servers_s: float
    consumer_s: float


def measure_drain(setup: str, rig: Rig, servers: Servers, shards: int, payloads: Sequence[bytes]) -> ShardedDrain:
    """Publish listings, then let a consumer answer all of them.

    Args:
        setup: what is measured.
        rig: on these servers; its keys are deleted before and after.
        servers: whose processor time counts.
        shards: of the domain.
        payloads: all listings.

    Raises:
        BenchmarkError: the consumer died, made no progress, or did not answer each listing exactly once.
    """
    _clear(rig)
    try:
        _set_shards(rig, shards)
        parts = [rig.streams.of_shard(number) for number in range(shards)]
        count = len(payloads)
        own_s, servers_s = time.process_time(), servers.cpu_s()
        publish(rig.settings, payloads, count)
        publisher_us = (time.process_time() - own_s) / count * 1e6
        servers_publish_us = (servers.cpu_s() - servers_s) / count * 1e6
        with rig.starting_consumer() as consumer:
            samples = _samples(rig, servers, consumer, parts, count)
        check_answers(rig, parts, count)
    finally:
        _clear(rig)
    first, last = next(sample for sample in samples if sample.answers), samples[-1]
    answered = max(last.answers - first.answers, 1)
    return ShardedDrain(
        setup=setup,
        publisher_us=publisher_us,
        servers_publish_us=servers_publish_us,
        servers_us=(last.servers_s - first.servers_s) / answered * 1e6,
        consumer_us=(last.consumer_s - first.consumer_s) / answered * 1e6,
        events_per_s=answered / max(last.at_s - first.at_s, SAMPLE_EVERY_S),
    )


def measure_idle(rig: Rig, seconds: float) -> float:
    """The share of a core that a consumer uses for sixteen shards without listings."""
    _clear(rig)
    try:
        _set_shards(rig, IDLE_SHARDS)
        with rig.starting_consumer() as consumer:
            deadline_s = time.monotonic() + STALL_S
            while not rig.client.hlen(rig.streams.consumers) or not _has_groups(rig):
                consumer.usage()
                if time.monotonic() > deadline_s:
                    raise BenchmarkError(f"the consumer did not begin: {consumer.last_line()}")
                time.sleep(SAMPLE_EVERY_S)
            time.sleep(SETTLE_S)
            before_s, begin_s = consumer.usage()[0], time.monotonic()
            time.sleep(seconds)
            return (consumer.usage()[0] - before_s) / (time.monotonic() - begin_s)
    finally:
        _clear(rig)


def _has_groups(rig: Rig) -> bool:
    return all(rig.client.exists(rig.streams.of_shard(number).listings) for number in range(IDLE_SHARDS))


def _set_shards(rig: Rig, count: int) -> None:
    if count > 1:
        rig.client.hset(rig.streams.shards, mapping={"count": count, "read": count, "epoch": 1})


def _samples(
    rig: Rig, servers: Servers, consumer: ContenderProcess, shards: Sequence[Streams], count: int
) -> list[_Sample]:
    samples: list[_Sample] = []
    answers, moved_s = -1, time.monotonic()
    while answers < count:
        time.sleep(SAMPLE_EVERY_S)
        lengths: list[Any] = [rig.client.xlen(shard.predictions) for shard in shards]
        samples.append(_Sample(sum(lengths), time.monotonic(), servers.cpu_s(), consumer.usage()[0]))
        if samples[-1].answers > answers:
            answers, moved_s = samples[-1].answers, time.monotonic()
        elif time.monotonic() - moved_s > STALL_S:
            raise BenchmarkError(f"no progress at {answers:,} of {count:,} listings: {consumer.last_line()}")
    return samples


def check_answers(rig: Rig, shards: Sequence[Streams], count: int) -> None:
    """Check that each listing has one answer in one of the shards, and nothing is pending.

    Raises:
        BenchmarkError: it is not so.
    """
    answers = Counter(
        listing_id_of_event(payload_of(fields)) for shard in shards for _, fields in scan(rig.client, shard.predictions)
    )
    pending: Any = sum(rig.client.xpending(shard.listings, SCORERS)["pending"] for shard in shards)
    missing = sum(listing_id(number) not in answers for number in range(count))
    repeated = sum(times > 1 for times in answers.values())
    if missing or repeated or pending or len(answers) != count:
        raise BenchmarkError(
            f"{count - missing:,} of {count:,} listings were answered, {repeated:,} of them more than once, and "
            f"{pending:,} are pending"
        )


def _clear(rig: Rig) -> None:
    # keys of shards begin with the prefix up to its brace
    pattern = f"{rig.streams.prefix.rstrip('}')}*"
    for key in list(rig.client.scan_iter(pattern, count=1000)):
        rig.client.delete(key)
