"""How much a run measures, and about how long that takes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from benchmarks import drift_cost, wide
from benchmarks.growth import BACKLOGS, BATCHES, QUICK_BATCHES
from benchmarks.latency import QUICK_RATES, RATES
from benchmarks.part import BenchPart

SCALES = (200_000, 2_000_000)
QUICK_SCALES = (100_000,)
MINUTES: dict[BenchPart, float] = {
    BenchPart.THROUGHPUT: 2.5,
    BenchPart.COSTS: 3,
    BenchPart.LATENCY: 4.5,
    BenchPart.SWAP: 1.5,
    BenchPart.START: 0.5,
    BenchPart.SCALE: 5,
    BenchPart.GROWTH: 7,
    BenchPart.DRIFT: 1,
    BenchPart.PEERS: 6,
}
"""About what each part of a full run takes on two cores, with five rounds."""
QUICK_MINUTES = 0.75
"""So of a part of a small run."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        listings: that the faster contenders drain in a round.
        rounds: of drains.
        consumers: more than one also drain together.
        is_quick: whether less is asked of ratios, and whether it is left open where a consumer saturates.
        latency_s: how long listings arrive at each rate, in seconds.
        swap_s: how long models are swapped, once a second.
        starts: how often a consumer is started.
        rates: of arrivals, in listings a second.
        scales: how many listings one and several consumers drain; several are two where none are asked for.
        scale_rounds: how often they do.
        backlogs: sizes; so with `batches` and `widths`, which are numbers of features.
        width_events: over how many events a cost by the number of features is taken.
        drifts: rows of a window and of the reference.
    """

    listings: int
    rounds: int
    consumers: int = 1
    is_quick: bool = False
    latency_s: float = 20.0
    swap_s: float = 30.0
    starts: int = 5
    rates: tuple[int, ...] = RATES
    scales: tuple[int, ...] = SCALES
    scale_rounds: int = 3
    backlogs: tuple[int, ...] = BACKLOGS
    batches: tuple[int, ...] = BATCHES
    widths: tuple[int, ...] = wide.WIDTHS
    width_events: int = wide.EVENTS
    drifts: tuple[tuple[int, int], ...] = drift_cost.SIZES

    def minutes(self, parts: Collection[BenchPart]) -> float:
        """About how long these parts take on two cores."""
        if self.is_quick:
            return QUICK_MINUTES * len(parts)
        by_rounds = sum(
            MINUTES[part] for part in parts if part in {BenchPart.THROUGHPUT, BenchPart.COSTS, BenchPart.PEERS}
        )
        return by_rounds * self.rounds / 5 + sum(MINUTES[part] for part in parts) - by_rounds


def quick(listings: int, rounds: int, consumers: int = 1) -> Size:
    """A small run."""
    return Size(
        listings=listings,
        rounds=rounds,
        consumers=consumers,
        is_quick=True,
        latency_s=4.0,
        swap_s=6.0,
        starts=2,
        rates=QUICK_RATES,
        scales=QUICK_SCALES,
        scale_rounds=1,
        backlogs=BACKLOGS[:2],
        batches=QUICK_BATCHES,
        widths=wide.WIDTHS[:2],
        width_events=20_000,
        drifts=drift_cost.QUICK_SIZES,
    )
