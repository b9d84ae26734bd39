"""The report of a run: one file, of which a page and plots are made."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.drift_cost import DriftCost
from benchmarks.growth import Growth
from benchmarks.latency import LatencyStep
from benchmarks.machine import Machine
from benchmarks.part import BenchPart
from benchmarks.peer_rates import Peers
from benchmarks.start import Start
from benchmarks.swap import Swaps
from benchmarks.throughput import Throughput
from schemas.errors import ConfigurationError

_NAMES = {
    BenchPart.THROUGHPUT: "throughput",
    BenchPart.COSTS: "costs",
    BenchPart.LATENCY: "latencies",
    BenchPart.SWAP: "swaps",
    BenchPart.START: "starts",
    BenchPart.SCALE: "scale",
    BenchPart.GROWTH: "backlogs",
    BenchPart.DRIFT: "drift_costs",
    BenchPart.PEERS: "peers",
}
"""By part, what it fills of a report, last of all."""


class BenchReport(BaseModel):
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
    peers: Peers | None = None

    def has(self, part: BenchPart) -> bool:
        """Whether a part was measured."""
        return getattr(self, _NAMES[part]) is not None

    @property
    def is_good(self) -> bool:
        """Whether no ratio is below its floor. Times have none here: they are the machine's as much as ours."""
        parts = (self.throughput, self.costs, self.peers)
        return all(each.is_good for each in parts if each is not None)


def read_report(path: Path, *, is_quick: bool) -> BenchReport | None:
    """A report that is to be added to; None where there is none.

    Raises:
        ConfigurationError: it was made by another version of the benchmark, or by a run of the other kind.
    """
    try:
        report = BenchReport.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ConfigurationError(f"{path}: no report of this version, so nothing of it can be kept") from error
    if report.is_quick != is_quick:
        raise ConfigurationError(
            f"{path}: made {'with' if report.is_quick else 'without'} --quick; name another --output"
        )
    return report
