"""How much a run measures, and roughly how long it takes."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from tasador.bench import drift_cost, wide
from tasador.bench.growth import BACKLOGS, BATCHES, QUICK_BATCHES
from tasador.bench.latency import QUICK_RATES, RATES
from tasador.bench.part import BenchPart

SCALES = (200_000, 2_000_000)
QUICK_SCALES = (100_000,)
MINUTES: dict[BenchPart, float] = {
    BenchPart.THROUGHPUT: 2.5,
    BenchPart.AOF: 1.5,
    BenchPart.BUSY: 2,
    BenchPart.CLASSES: 1.5,
    BenchPart.COSTS: 3,
    BenchPart.STORED: 2,
    BenchPart.ROLLOUT: 2,
    BenchPart.TRACED: 1,
    BenchPart.LATENCY: 4.5,
    BenchPart.SWAP: 1.5,
    BenchPart.START: 0.5,
    BenchPart.SCALE: 5,
    BenchPart.GROWTH: 7,
    BenchPart.DRIFT: 1,
}
"""Approximate duration of each part of a full run on two cores, with five rounds."""
_BY_ROUNDS = {
    BenchPart.THROUGHPUT,
    BenchPart.AOF,
    BenchPart.BUSY,
    BenchPart.CLASSES,
    BenchPart.COSTS,
    BenchPart.STORED,
    BenchPart.ROLLOUT,
    BenchPart.TRACED,
}
_WITH_CHAMPION = 1.5
"""How many times as long a run takes if it measures a champion as well."""
QUICK_MINUTES = 0.75
"""Approximate duration of a part of a small run."""


@dataclass(frozen=True, slots=True)
class BenchSize:
    """How much is measured.

    Attributes:
        listings: that the faster contenders drain in a round.
        rounds: of drains.
        consumers: if more than one, they are also measured together.
        is_quick: whether the floors of a small run apply; it also skips the search for saturation.
        latency_s: how many seconds listings arrive at each rate.
        swap_s: how many seconds models are swapped, once a second.
        starts: how often a consumer is started.
        rates: of arrivals, in listings per second.
        scales: how many listings one and several (at least two) consumers drain.
        scale_rounds: rounds of these drains.
        backlogs: sizes; so are `batches`, and `widths` in features.
        width_events: number of events over which the cost for a width is measured.
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

    def minutes(self, parts: Collection[BenchPart], *, has_champion: bool = False) -> float:
        """Approximate duration of these parts on two cores."""
        times = _WITH_CHAMPION if has_champion else 1.0
        if self.is_quick:
            return QUICK_MINUTES * len(parts) * times
        by_rounds = sum(MINUTES[part] for part in parts if part in _BY_ROUNDS)
        return (by_rounds * self.rounds / 5 + sum(MINUTES[part] for part in parts) - by_rounds) * times


def quick_size(listings: int, rounds: int, consumers: int = 1) -> BenchSize:
    """The size of a small run."""
    return BenchSize(
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
