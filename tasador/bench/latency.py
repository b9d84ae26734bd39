"""Latency at rising rates: from the moment at which a listing is due to the moment its prediction can be read.

A full run brackets the rate at which a consumer saturates to within a factor of `CLOSE`: if the largest rate does not
saturate it, the run raises the rate step by step; then it narrows the gap between the largest rate that the consumer
kept up with and the smallest that saturated it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from schemas.frozen_model import FrozenModel
from tasador.bench.arrivals import Latencies, load_generator
from tasador.bench.rig import Rig

RATES = (100, 1000, 10_000, 20_000, 40_000, 80_000)
QUICK_RATES = (100, 1000, 10_000)
WARM_UP = 0.1
"""The first share of the arrivals, which is not counted."""
_SATURATED_S = 0.5
CLOSE = 1.25
"""How many times the sustained rate the saturating rate may be at the end of the search."""
_MAX_STEPS = 8
"""Beyond the largest rate."""
_MAX_LISTINGS = 600_000
"""Of one step: fewer than the predictions that are kept, so that none is trimmed before it is read."""


class LatencyStep(FrozenModel):
    """Latencies at one rate, in milliseconds.

    Attributes:
        events_per_s: the rate of arrivals.
        listings: how many were counted.
        p99_of_product: without the load generator's share, which `generator_max` is the largest of.
        is_saturated: the median of the last tenth exceeds half a second: the consumer does not keep up.
    """

    events_per_s: float
    listings: int
    p50: float
    p95: float
    p99: float
    p999: float
    max: float
    p99_of_product: float
    generator_max: float
    is_saturated: bool


def measure_latency(
    rig: Rig,
    rates: Sequence[float],
    seconds: float,
    progress: Callable[[str], object],
    *,
    until_saturated: bool = False,
) -> list[LatencyStep]:
    """Measure latencies at each rate.

    Args:
        rig: where to measure.
        rates: in listings per second, rising.
        seconds: how long listings arrive at each rate.
        progress: called with a line after each rate.
        until_saturated: whether to search for saturation; otherwise the first rate that saturates is the last.

    Returns:
        The steps, by rising rate.

    Raises:
        BenchmarkError: the consumer died, or a listing got no answer.
        RedisUnavailableError: Redis does not answer.
    """
    with load_generator(rig.settings, rig.url) as load:

        def step_at(rate: float) -> LatencyStep:
            with rig.consumer() as process:
                arrivals, seen = load.start(rate, min(seconds, _MAX_LISTINGS / rate))
                step = step_of(rate, load.finish(arrivals, seen))
                process.usage()
            figures = f"p50 {step.p50:.2f} ms, p99 {step.p99:.2f} ms ({step.p99_of_product:.2f} of the product)"
            longest = f"longest {step.max:.1f} ms{', saturated' if step.is_saturated else ''}"
            progress(f"{rate:,.0f} events/s: {figures}, {longest}")
            return step

        if not until_saturated:
            return list(_until_saturated(rates, step_at))
        steps = [step_at(rate) for rate in rates]
        if not any(step.is_saturated for step in steps):
            steps += _until_saturated([rates[-1] * CLOSE**power for power in range(1, _MAX_STEPS + 1)], step_at)
        steps += narrow(steps, step_at)
    return sorted(steps, key=lambda step: step.events_per_s)


StepAt = Callable[[float], LatencyStep]


def _until_saturated(rates: Sequence[float], step_at: StepAt) -> Iterator[LatencyStep]:
    for rate in rates:
        step = step_at(rate)
        yield step
        if step.is_saturated:
            return


def narrow(steps: Sequence[LatencyStep], step_at: StepAt) -> Iterator[LatencyStep]:
    """Measure between the largest sustained rate and the smallest saturating one until they are within `CLOSE`."""
    sustained = max((step.events_per_s for step in steps if not step.is_saturated), default=0.0)
    saturated = min((step.events_per_s for step in steps if step.is_saturated), default=0.0)
    while 0 < sustained * CLOSE < saturated:
        step = step_at(round((sustained * saturated) ** 0.5, -2))
        yield step
        if step.is_saturated:
            saturated = step.events_per_s
        else:
            sustained = step.events_per_s


def step_of(rate: float, latencies: Latencies) -> LatencyStep:
    """The figures of one rate."""
    counted, generator = (each_s[int(len(each_s) * WARM_UP) :] * 1000 for each_s in latencies)
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
        p99_of_product=float(np.percentile(counted - generator, 99, method="inverted_cdf")),
        generator_max=float(generator.max()),
        is_saturated=bool(np.median(last) > _SATURATED_S * 1000),
    )
