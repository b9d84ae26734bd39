"""Swaps under load: how long the unluckiest listing waits while models are swapped, and while none is."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from benchmarks.arrivals import ready_to_load
from benchmarks.model import activate, register_again
from benchmarks.rig import Rig
from transport.reading import scan

RATE = 10_000
EVERY_S = 1.0


class Swaps(BaseModel):
    """Latencies at one rate, in milliseconds.

    Attributes:
        events_per_s: at which listings arrived.
        swaps: how often the model was swapped for another that had to be loaded, or was not in memory any more.
        longest: of all listings while models were swapped.
        longest_without: of all listings in as long a time without a swap.
        p999: of all listings while models were swapped; so with `p999_without`.
    """

    model_config = ConfigDict(frozen=True)

    events_per_s: float
    swaps: int
    longest: float
    longest_without: float
    p999: float
    p999_without: float


def measure_swaps(rig: Rig, seconds: float, tell: Callable[[str], object]) -> Swaps:
    """Swap between two versions of the model once a second.

    Raises:
        BenchmarkError: the consumer died, or a listing got no answer.
        RedisUnavailableError: Redis went away.
    """
    models = (register_again(rig.settings, rig.model), rig.model)
    with ready_to_load(rig.settings, rig.url) as load:

        def latencies(number: int) -> NDArray[np.float64]:
            with rig.consumer():
                arrivals, seen = load.start(RATE, seconds)
                for turn in range(number):
                    time.sleep(max(arrivals.begin_s + (turn + 0.5) * EVERY_S - time.monotonic(), 0))
                    activate(rig.settings, rig.url, models[turn % 2])
                found = load.finish(arrivals, seen)
                swapped[0] = sum(b"model.swapped" in fields[b"data"] for _, fields in _events(rig)) - 1
            return found[int(RATE * EVERY_S / 2) :] * 1000

        swapped = [0]
        quiet = latencies(0)
        busy = latencies(int(seconds / EVERY_S))
    swaps = Swaps(
        events_per_s=RATE,
        swaps=swapped[0],
        longest=float(busy.max()),
        longest_without=float(quiet.max()),
        p999=float(np.percentile(busy, 99.9)),
        p999_without=float(np.percentile(quiet, 99.9)),
    )
    tell(f"{swaps.swaps} swaps: longest wait {swaps.longest:.1f} ms, {swaps.longest_without:.1f} ms without")
    return swaps


def _events(rig: Rig) -> list[tuple[bytes, dict[bytes, bytes]]]:
    return list(scan(rig.client, rig.streams.model_events))
