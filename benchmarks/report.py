"""The report of a run: one file, of which a page and plots are made."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict

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
        throughput: beside others.
        costs: the same beside itself with one of its parts taken out.
    """

    model_config = ConfigDict(frozen=True)

    made_at: datetime
    machine: Machine
    throughput: Throughput | None = None
    latencies: tuple[LatencyStep, ...] | None = None
    swaps: Swaps | None = None
    starts: tuple[Start, ...] | None = None
    backlogs: tuple[Growth, ...] | None = None
    batches: tuple[Growth, ...] | None = None
    costs: Throughput | None = None
    peers: tuple[Peer, ...] | None = None

    @property
    def is_good(self) -> bool:
        """Whether all ratios reach their targets. Times have none here: they are the machine's as much as ours."""
        return all(each.is_good for each in (self.throughput, self.costs) if each is not None)
