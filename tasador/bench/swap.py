"""Swaps under load: the longest latency of a listing while models are swapped, and while none is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from schemas.frozen_model import FrozenModel
from tasador.bench.arrivals import load_generator
from tasador.bench.model import activate, register_folder
from tasador.bench.rig import Rig
from transport.reading import scan

RATE = 10_000
EVERY_S = 1.0


class SwapLatencies(FrozenModel):
    """Latencies at one rate, in milliseconds.

    Attributes:
        events_per_s: the rate of arrivals.
        swaps: how often the consumer swapped its model.
        longest: of all listings while models were swapped; so is `p999`.
        longest_without: of all listings in a period of the same length without swaps; so is `p999_without`.
    """

    events_per_s: float
    swaps: int
    longest: float
    longest_without: float
    p999: float
    p999_without: float


def measure_swaps(rig: Rig, seconds: float, progress: Callable[[str], object]) -> SwapLatencies:
    """Swap between two versions of the model once a second.

    Raises:
        BenchmarkError: the consumer died, or a listing got no answer.
        RedisUnavailableError: Redis does not answer.
    """
    models = (register_folder(rig.settings, Path(rig.model.uri), rig.model.run_id), rig.model)
    with load_generator(rig.settings, rig.url) as load:

        def latencies_ms(activations: int) -> tuple[NDArray[np.float64], int]:
            with rig.consumer():
                arrivals, seen = load.start(RATE, seconds)
                for number in range(activations):
                    time.sleep(max(arrivals.begin_s + (number + 0.5) * EVERY_S - time.monotonic(), 0))
                    activate(rig.settings, rig.url, models[number % 2])
                latencies_s = load.finish(arrivals, seen).whole_s
                # the first event is that of the start
                events = scan(rig.client, rig.streams.model_events)
                swapped = sum(b"model.swapped" in fields[b"data"] for _, fields in events) - 1
            return latencies_s[int(RATE * EVERY_S / 2) :] * 1000, swapped

        without, _ = latencies_ms(0)
        during, swapped = latencies_ms(int(seconds / EVERY_S))
    swaps = SwapLatencies(
        events_per_s=RATE,
        swaps=swapped,
        longest=float(during.max()),
        longest_without=float(without.max()),
        p999=float(np.percentile(during, 99.9)),
        p999_without=float(np.percentile(without, 99.9)),
    )
    progress(f"{swaps.swaps} swaps: longest latency {swaps.longest:.1f} ms, {swaps.longest_without:.1f} ms without")
    return swaps
