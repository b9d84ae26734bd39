"""Growth: what an event costs as the backlog, the batch or the number of features grows.

The consumer is halted (SIGSTOP) while listings are published, so the measured processor time of the consumer and of
Redis is that of answering alone. The largest backlog is drained completely: the consumer's memory must not grow with
it, and Redis's memory only by what retention keeps.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from schemas.errors import BenchmarkError
from schemas.frozen_model import FrozenModel
from tasador.bench.payloads import payload_builder, publish
from tasador.bench.process import ContenderProcess
from tasador.bench.rig import Rig
from tasador.bench.usage import redis_cpu_s

BACKLOGS = (10_000, 100_000, 1_000_000, 10_000_000)
BATCHES = (1, 10, 100, 1000, 2000, 5000)
QUICK_BATCHES = (1, 100, 1000)
EVENTS = 500_000
"""Number of events over which a cost is measured."""
_BACKLOG_OF_BATCHES = 20_000
_STALL_S = 60.0


class GrowthCost(FrozenModel):
    """What an event costs at one size.

    Attributes:
        backlog: listings that waited.
        batch: the largest number of entries in a read.
        features: of a listing.
        events: over how many the costs are measured; a small backlog is published and drained repeatedly.
        events_per_s: rate of answers.
        cpu_us: processor time of the consumer per event, in µs.
        redis_cpu_us: processor time of Redis per event, in µs.
        peak_bytes: peak memory of the consumer.
        redis_bytes: memory of Redis after the last answer.
    """

    backlog: int
    batch: int
    features: int
    events: int
    events_per_s: float
    cpu_us: float
    redis_cpu_us: float
    peak_bytes: int
    redis_bytes: int


def measure_backlogs(rig: Rig, sizes: Sequence[int], progress: Callable[[str], object]) -> list[GrowthCost]:
    """The cost of an event at each backlog.

    Raises:
        BenchmarkError: the consumer died or made no progress.
        RedisUnavailableError: Redis does not answer.
    """
    return [measure_growth(rig, size, rig.settings.batch.max_records, EVENTS, progress) for size in sizes]


def measure_batches(rig: Rig, sizes: Sequence[int], progress: Callable[[str], object]) -> list[GrowthCost]:
    """The cost of an event at each batch size; raises like `measure_backlogs`."""
    return [measure_growth(rig, _BACKLOG_OF_BATCHES, size, _BACKLOG_OF_BATCHES, progress) for size in sizes]


def measure_growth(rig: Rig, backlog: int, batch: int, events: int, progress: Callable[[str], object]) -> GrowthCost:
    """The cost of an event, measured over `events` events; raises like `measure_backlogs`."""
    times, payload = max(events // backlog, 1), payload_builder(rig.settings.load_domain())
    took_s = cpu_s = redis_s = 0.0
    counted = 0
    with rig.consumer({"BATCH__MAX_RECORDS": str(batch)}) as process:
        for number in range(times):
            process.send(signal.SIGSTOP)
            publish(rig.settings, map(payload, range(number * backlog, (number + 1) * backlog)), backlog)
            cpu_before_s, redis_before_s, before = process.usage()[0], redis_cpu_s(rig.client), _answered(rig)
            begin = time.perf_counter()
            process.send(signal.SIGCONT)
            answered = _wait(rig, process, before + min(backlog, events))
            took_s += time.perf_counter() - begin
            cpu_s += process.usage()[0] - cpu_before_s
            redis_s += redis_cpu_s(rig.client) - redis_before_s
            counted += answered - before
        _wait(rig, process, times * backlog)
        memory: Any = rig.client.info("memory")
        cost = GrowthCost(
            backlog=backlog,
            batch=batch,
            features=len(rig.settings.load_domain().features),
            events=counted,
            events_per_s=counted / took_s,
            cpu_us=cpu_s / counted * 1e6,
            redis_cpu_us=redis_s / counted * 1e6,
            peak_bytes=process.peak_bytes(),
            redis_bytes=memory["used_memory"],
        )
    size = f"backlog {backlog:,}, batch {batch:,}, {cost.features} features"
    progress(f"{size}: {cost.cpu_us:.1f} µs and {cost.redis_cpu_us:.1f} µs of Redis")
    return cost


def _wait(rig: Rig, process: ContenderProcess, count: int) -> int:
    deadline_s, last = time.monotonic() + _STALL_S, 0
    while (answered := _answered(rig)) < count:
        time.sleep(0.005)
        if answered > last:
            deadline_s, last = time.monotonic() + _STALL_S, answered
        if time.monotonic() > deadline_s:
            raise BenchmarkError(f"no progress at {answered:,} of {count:,} listings: {process.last_line()}")
    return answered


def _answered(rig: Rig) -> int:
    return int(rig.client.hget(rig.streams.progress, "answered") or 0)
