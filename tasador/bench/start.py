"""Starts: the time from the command `tasador consumer` to its first prediction, and the memory that it takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from producer import ListingPublisher
from schemas.errors import BenchmarkError
from schemas.frozen_model import FrozenModel
from tasador.bench.payloads import payload_builder
from tasador.bench.rig import Rig

LISTINGS = 1000
_TIMEOUT_S = 60.0


class ConsumerStart(FrozenModel):
    """One start with the model in the local cache.

    Attributes:
        first_s: seconds until the first prediction could be read.
        peak_bytes: peak memory of the process after it has answered `LISTINGS` listings.
    """

    first_s: float
    peak_bytes: int


def measure_starts(rig: Rig, times: int, progress: Callable[[str], object]) -> list[ConsumerStart]:
    """Start a consumer `times` times, after one more start that fills the cache.

    Raises:
        BenchmarkError: the consumer did not answer.
        RedisUnavailableError: Redis does not answer.
    """
    try:
        _, *starts = [_measure(rig) for _ in range(times + 1)]
    finally:
        rig.clear()
    progress("starts: " + ", ".join(f"{start.first_s:.2f} s" for start in starts))
    return starts


def _measure(rig: Rig) -> ConsumerStart:
    rig.clear()
    payload = payload_builder(rig.settings.load_domain())
    with ListingPublisher(rig.settings) as publisher:
        publisher.publish_many(payload(number) for number in range(LISTINGS))
    begin = time.perf_counter()
    with rig.starting_consumer() as process:
        first_s = 0.0
        while rig.client.xlen(rig.streams.predictions) < LISTINGS:
            time.sleep(0.002)
            if not first_s and rig.client.xlen(rig.streams.predictions):
                first_s = time.perf_counter() - begin
            if time.perf_counter() - begin > _TIMEOUT_S:
                raise BenchmarkError(f"no predictions within {_TIMEOUT_S:g} s: {process.last_line()}")
        return ConsumerStart(first_s=first_s or time.perf_counter() - begin, peak_bytes=process.peak_bytes())
