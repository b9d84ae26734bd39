"""Growth: what an event costs when the backlog, a batch, or a listing becomes ten or a thousand times as large.

The consumer is halted while listings are published, and then goes on; so its processor time, and that of Redis, is for
answering alone. The largest backlog is drained to its end: the memory of a consumer is to stay as it is, and that of
Redis within what is kept.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from benchmarks.payloads import numbered
from benchmarks.process import ContenderProcess
from benchmarks.rig import Rig
from benchmarks.use import redis_cpu_s
from producer import ListingPublisher
from schemas.errors import BenchmarkError
from schemas.settings import Settings

BACKLOGS = (10_000, 100_000, 1_000_000, 10_000_000)
BATCHES = (1, 10, 100, 1000, 2000, 5000)
QUICK_BATCHES = (1, 100, 1000)
MEASURED = 500_000
"""How many events a cost is taken over."""
_BACKLOG_OF_BATCHES = 20_000
_PATIENCE_S = 60.0


class Growth(BaseModel):
    """What one size costs.

    Attributes:
        backlog: listings that waited.
        batch: entries that a read returned at most.
        features: of a listing.
        events: over how many the costs are taken; small backlogs are built and drained again and again.
        events_per_s: answers a second while these were answered.
        cpu_us: processor time of the consumer for each, in µs.
        redis_cpu_us: processor time of Redis for each, in µs.
        peak_bytes: the most memory that the consumer used until all was answered.
        redis_bytes: memory of Redis when all was answered.
    """

    model_config = ConfigDict(frozen=True)

    backlog: int
    batch: int
    features: int
    events: int
    events_per_s: float
    cpu_us: float
    redis_cpu_us: float
    peak_bytes: int
    redis_bytes: int


def measure_backlogs(rig: Rig, sizes: Sequence[int], tell: Callable[[str], object]) -> list[Growth]:
    """The cost of an event at each backlog.

    Raises:
        BenchmarkError: the consumer died or stood still.
        RedisUnavailableError: Redis went away.
    """
    return [measure_growth(rig, size, rig.settings.batch.max_records, MEASURED, tell) for size in sizes]


def measure_batches(rig: Rig, sizes: Sequence[int], tell: Callable[[str], object]) -> list[Growth]:
    """The cost of an event at each size of a batch; raises as `measure_backlogs`."""
    return [measure_growth(rig, _BACKLOG_OF_BATCHES, size, _BACKLOG_OF_BATCHES, tell) for size in sizes]


def measure_growth(rig: Rig, backlog: int, batch: int, events: int, tell: Callable[[str], object]) -> Growth:
    """The cost of an event over so many of them; raises as `measure_backlogs`."""
    times = max(events // backlog, 1)
    took_s = cpu_s = redis_s = 0.0
    counted = 0
    with rig.consumer({"BATCH__MAX_RECORDS": str(batch)}) as process:
        for turn in range(times):
            process.send(signal.SIGSTOP)
            publish(rig.settings, backlog, turn * backlog)
            before, before_redis, answered = process.look()[0], redis_cpu_s(rig.client), _answered(rig)
            begin = time.perf_counter()
            process.send(signal.SIGCONT)
            found = _wait(rig, process, answered + min(backlog, events))
            took_s += time.perf_counter() - begin
            cpu_s += process.look()[0] - before
            redis_s += redis_cpu_s(rig.client) - before_redis
            counted += found - answered
        _wait(rig, process, times * backlog)
        memory: Any = rig.client.info("memory")
        growth = Growth(
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
    what = f"backlog {backlog:,}, batch {batch:,}, {growth.features} features"
    tell(f"{what}: {growth.cpu_us:.1f} µs and {growth.redis_cpu_us:.1f} µs of Redis")
    return growth


def publish(settings: Settings, count: int, first: int = 0) -> None:
    """Publish so many listings, whatever the high-water mark; numbered from `first`."""
    payload = numbered(settings.load_domain())
    with ListingPublisher(settings.model_copy(update={"high_water": 2 * count})) as publisher:
        for _ in publisher.publish_chunks(payload(number) for number in range(first, first + count)):
            pass


def _wait(rig: Rig, process: ContenderProcess, count: int) -> int:
    give_up_s, last = time.monotonic() + _PATIENCE_S, 0
    while (answered := _answered(rig)) < count:
        time.sleep(0.005)
        if answered > last:
            give_up_s, last = time.monotonic() + _PATIENCE_S, answered
        if time.monotonic() > give_up_s:
            raise BenchmarkError(f"stands still at {answered:,} of {count:,} listings: {process.last_words()}")
    return answered


def _answered(rig: Rig) -> int:
    return int(rig.client.hget(rig.streams.progress, "answered") or 0)
