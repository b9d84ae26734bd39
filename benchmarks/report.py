"""The report of a run: one file, of which a page and plots are made."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from benchmarks.drift_cost import DriftCost
from benchmarks.growth import Growth
from benchmarks.latency import LatencyStep
from benchmarks.machine import Machine
from benchmarks.peer_rates import Peer
from benchmarks.start import Start
from benchmarks.swap import Swaps
from benchmarks.throughput import Throughput


class Report(BaseModel):
    """A whole run; a part that was not measured is None.

    Attributes:
        is_quick: whether it is a small run, of which less is asked (`benchmarks.targets`).
        throughput: beside others.
        costs: the same beside itself with some of its parts taken out.
        scale: of one consumer and of several, at one size each.
        widths: growth with the number of features.
    """

    model_config = ConfigDict(frozen=True)

    made_at: datetime
    machine: Machine
    is_quick: bool = False
    throughput: Throughput | None = None
    latencies: tuple[LatencyStep, ...] | None = None
    swaps: Swaps | None = None
    starts: tuple[Start, ...] | None = None
    backlogs: tuple[Growth, ...] | None = None
    batches: tuple[Growth, ...] | None = None
    widths: tuple[Growth, ...] | None = None
    drift_costs: tuple[DriftCost, ...] | None = None
    costs: Throughput | None = None
    scale: tuple[Throughput, ...] | None = None
    peers: tuple[Peer, ...] | None = None

    @property
    def is_good(self) -> bool:
        """Whether no ratio is below its floor. Times have none here: they are the machine's as much as ours."""
        return all(each.is_good for each in (self.throughput, self.costs) if each is not None)
