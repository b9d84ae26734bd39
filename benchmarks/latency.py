"""Latency under an open loop: from when a listing is due to when its prediction can be read, at rising rates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from benchmarks.arrivals import ready_to_load
from benchmarks.rig import Rig

RATES = (100, 1000, 10_000, 20_000, 40_000, 80_000)
QUICK_RATES = (100, 1000, 10_000)
WARM_UP = 0.1
"""The first share of the arrivals, which is not counted."""
_FALLEN_BEHIND_S = 0.5


class LatencyStep(BaseModel):
    """What a consumer did at one rate; times in milliseconds.

    Attributes:
        events_per_s: at which listings arrived.
        listings: how many were counted.
        is_saturated: the last ones waited for more than half a second: the consumer does not keep up.
    """

    model_config = ConfigDict(frozen=True)

    events_per_s: float
    listings: int
    p50: float
    p95: float
    p99: float
    p999: float
    max: float
    is_saturated: bool


def measure_latency(
    rig: Rig, rates: Sequence[float], seconds: float, tell: Callable[[str], object]
) -> list[LatencyStep]:
    """Let listings arrive at each rate in turn, until one is too much.

    Raises:
        BenchmarkError: the consumer died, or a listing got no answer.
        RedisUnavailableError: Redis went away.
    """
    return list(_steps(rig, rates, seconds, tell))


def _steps(rig: Rig, rates: Sequence[float], seconds: float, tell: Callable[[str], object]) -> Iterator[LatencyStep]:
    with ready_to_load(rig.settings, rig.url) as load:
        for rate in rates:
            with rig.consumer() as process:
                arrivals, seen = load.start(rate, seconds)
                step = step_of(rate, load.finish(arrivals, seen))
                process.look()
            tell(f"{rate:,} events/s: p50 {step.p50:.2f} ms, p99 {step.p99:.2f} ms, longest {step.max:.1f} ms")
            yield step
            if step.is_saturated:
                return


def step_of(rate: float, latencies_s: NDArray[np.float64]) -> LatencyStep:
    """The figures of one rate, from the latencies (n,) in the order of the arrivals."""
    counted = latencies_s[int(len(latencies_s) * WARM_UP) :] * 1000
    p50, p95, p99, p999 = np.percentile(counted, (50, 95, 99, 99.9), method="inverted_cdf")
    last = counted[-max(len(counted) // 10, 1) :]
    return LatencyStep(
        events_per_s=rate,
        listings=len(counted),
        p50=p50,
        p95=p95,
        p99=p99,
        p999=p999,
        max=float(counted.max()),
        is_saturated=bool(np.median(last) > _FALLEN_BEHIND_S * 1000),
    )
