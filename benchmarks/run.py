"""One run: the parts that were asked for, one after another, on one rig."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from benchmarks.contenders import build_contenders, build_lean
from benchmarks.growth import BACKLOGS, BATCHES, measure_backlogs, measure_batches
from benchmarks.latency import QUICK_RATES, RATES, measure_latency
from benchmarks.machine import describe_machine
from benchmarks.part import Part
from benchmarks.peer_rates import measure_peers
from benchmarks.report import Report
from benchmarks.rig import Rig
from benchmarks.rounds import run_rounds
from benchmarks.start import measure_starts
from benchmarks.swap import measure_swaps


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Attributes:
        listings: that the faster contenders drain in a round.
        rounds: of drains.
        consumers: more than one also drain together.
        latency_s: how long listings arrive at each rate, in seconds.
        swap_s: how long models are swapped, once a second.
        starts: how often a consumer is started.
        backlogs: the sizes; so with `rates`.
    """

    listings: int
    rounds: int
    consumers: int = 1
    latency_s: float = 20.0
    swap_s: float = 30.0
    starts: int = 5
    rates: tuple[int, ...] = RATES
    backlogs: tuple[int, ...] = BACKLOGS


def quick(listings: int, rounds: int, consumers: int = 1) -> Size:
    """A small run."""
    return Size(listings, rounds, consumers, 4.0, 6.0, 2, QUICK_RATES, BACKLOGS[:2])


def run(rig: Rig, parts: Collection[Part], size: Size, tell: Callable[[str], object]) -> Report:
    """Measure.

    Raises:
        BenchmarkError: somebody died, stood still, or did not answer each listing exactly once.
        RedisUnavailableError: Redis went away.
    """
    machine = describe_machine(rig.client)
    found: dict[str, Any] = {}
    if Part.THROUGHPUT in parts:
        contenders = build_contenders(rig.booster, size.consumers)
        found["throughput"] = run_rounds(rig, contenders, size.listings, size.rounds, tell)
    if Part.LATENCY in parts:
        found["latencies"] = measure_latency(rig, size.rates, size.latency_s, tell)
    if Part.SWAP in parts:
        found["swaps"] = measure_swaps(rig, size.swap_s, tell)
    if Part.START in parts:
        found["starts"] = measure_starts(rig, size.starts, tell)
    if Part.GROWTH in parts:
        found["backlogs"] = measure_backlogs(rig, size.backlogs, tell)
        found["batches"] = measure_batches(rig, BATCHES, tell)
    if Part.COSTS in parts:
        found["costs"] = run_rounds(rig, build_lean(), size.listings, size.rounds, tell)
    if Part.PEERS in parts:
        found["peers"] = measure_peers(rig, tell)
    return Report(made_at=datetime.now(UTC), machine=machine, **found)
