"""Latency under an open loop: from when a listing is due to when its prediction can be read, at rising rates.

A full run goes on until it knows to a quarter where a consumer saturates: beyond the largest rate in steps of a
quarter, where that one was not too much, and then between the largest rate that it kept up with and the smallest that
it did not.
"""

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
CLOSE = 1.25
"""How much larger the rate that is too much may be than the one that is not."""
_MOST_STEPS = 8
"""Beyond the largest rate."""
_MOST_LISTINGS = 600_000
"""Of one step: fewer than the predictions that are kept, so that none is trimmed before it was read."""


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
    rig: Rig, rates: Sequence[float], seconds: float, tell: Callable[[str], object], *, until_saturated: bool = False
) -> list[LatencyStep]:
    """Let listings arrive at each rate in turn.

    Args:
        rig: where.
        rates: in listings a second, rising.
        seconds: how long listings arrive at each.
        tell: is told of each step, in a line.
        until_saturated: whether to find where the consumer saturates; else the first rate that is too much is the last.

    Returns:
        The steps by rate.

    Raises:
        BenchmarkError: the consumer died, or a listing got no answer.
        RedisUnavailableError: Redis went away.
    """
    with ready_to_load(rig.settings, rig.url) as load:

        def step_at(rate: float) -> LatencyStep:
            with rig.consumer() as process:
                arrivals, seen = load.start(rate, min(seconds, _MOST_LISTINGS / rate))
                step = step_of(rate, load.finish(arrivals, seen))
                process.look()
            figures = f"p50 {step.p50:.2f} ms, p99 {step.p99:.2f} ms, longest {step.max:.1f} ms"
            tell(f"{rate:,.0f} events/s: {figures}{', saturated' if step.is_saturated else ''}")
            return step

        if not until_saturated:
            return list(_until_too_much(rates, step_at))
        steps = [step_at(rate) for rate in rates]
        steps += _until_too_much([rates[-1] * CLOSE**turn for turn in range(1, _MOST_STEPS + 1)], step_at, steps)
        steps += narrow(steps, step_at)
    return sorted(steps, key=lambda step: step.events_per_s)


StepAt = Callable[[float], LatencyStep]


def _until_too_much(
    rates: Sequence[float], step_at: StepAt, before: Sequence[LatencyStep] = ()
) -> Iterator[LatencyStep]:
    if any(step.is_saturated for step in before):
        return
    for rate in rates:
        step = step_at(rate)
        yield step
        if step.is_saturated:
            return


def narrow(steps: Sequence[LatencyStep], step_at: StepAt) -> Iterator[LatencyStep]:
    """Steps between the largest rate that was kept up with and the smallest that was not, until these are close."""
    good = max((step.events_per_s for step in steps if not step.is_saturated), default=0.0)
    bad = min((step.events_per_s for step in steps if step.is_saturated), default=0.0)
    while 0 < good * CLOSE < bad:
        step = step_at(round((good * bad) ** 0.5, -2))
        yield step
        good, bad = (good, step.events_per_s) if step.is_saturated else (step.events_per_s, bad)


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
