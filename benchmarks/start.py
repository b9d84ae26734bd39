"""Starts: from the command `tasador consumer` to its first prediction, and the memory that it takes."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

from benchmarks.payloads import numbered
from benchmarks.rig import Rig
from producer import ListingPublisher
from schemas.errors import BenchmarkError

LISTINGS = 1000
_PATIENCE_S = 60.0


class Start(BaseModel):
    """One start with the model in the local cache.

    Attributes:
        first_s: until the first prediction could be read, in seconds.
        peak_bytes: the most memory that the process has had when it had answered some listings.
    """

    model_config = ConfigDict(frozen=True)

    first_s: float
    peak_bytes: int


def measure_starts(rig: Rig, times: int, tell: Callable[[str], object]) -> list[Start]:
    """Start a consumer so often; once more before that, to fill the cache.

    Raises:
        BenchmarkError: it did not answer.
        RedisUnavailableError: Redis went away.
    """
    try:
        _, *starts = [_measure(rig) for _ in range(times + 1)]
    finally:
        rig.clear()
    tell("starts: " + ", ".join(f"{start.first_s:.2f} s" for start in starts))
    return starts


def _measure(rig: Rig) -> Start:
    rig.clear()
    payload = numbered(rig.settings.load_domain())
    with ListingPublisher(rig.settings) as publisher:
        publisher.publish_many(payload(number) for number in range(LISTINGS))
    begin = time.perf_counter()
    with rig.starting_consumer() as process:
        first_s = 0.0
        while rig.client.xlen(rig.streams.predictions) < LISTINGS:
            time.sleep(0.002)
            if not first_s and rig.client.xlen(rig.streams.predictions):
                first_s = time.perf_counter() - begin
            if time.perf_counter() - begin > _PATIENCE_S:
                raise BenchmarkError(f"no prediction within {_PATIENCE_S:g} s: {process.last_words()}")
        return Start(first_s=first_s or time.perf_counter() - begin, peak_bytes=process.peak_bytes())
