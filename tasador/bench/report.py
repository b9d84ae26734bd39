"""The report of a run: one JSON file, from which plots and a page are made."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from schemas.errors import ConfigurationError
from schemas.frozen_model import FrozenModel
from tasador.bench.drift_cost import DriftCost
from tasador.bench.growth import GrowthCost
from tasador.bench.latency import LatencyStep
from tasador.bench.machine import Machine
from tasador.bench.part import BenchPart
from tasador.bench.start import ConsumerStart
from tasador.bench.stored import StoredDrain
from tasador.bench.swap import SwapLatencies
from tasador.bench.throughput import ThroughputReport

_FIELDS = {
    BenchPart.THROUGHPUT: "throughput",
    BenchPart.COSTS: "costs",
    BenchPart.STORED: "stored",
    BenchPart.LATENCY: "latencies",
    BenchPart.SWAP: "swaps",
    BenchPart.START: "starts",
    BenchPart.SCALE: "scale",
    BenchPart.GROWTH: "backlogs",
    BenchPart.DRIFT: "drift_costs",
}
"""By part, the field of a report that it sets last."""


class BenchReport(FrozenModel):
    """A whole run; a part that was not measured is None.

    Attributes:
        is_quick: whether the floors of a small run apply (`tasador.bench.targets`).
        throughput: the consumer beside other programs.
        costs: the consumer beside itself without some of its features.
        stored: the consumer with listings that take features from the store.
        scale: one consumer and several, at each number of listings.
        widths: growth with the number of features.
    """

    made_at: datetime
    machine: Machine
    is_quick: bool = False
    throughput: ThroughputReport | None = None
    latencies: tuple[LatencyStep, ...] | None = None
    swaps: SwapLatencies | None = None
    starts: tuple[ConsumerStart, ...] | None = None
    backlogs: tuple[GrowthCost, ...] | None = None
    batches: tuple[GrowthCost, ...] | None = None
    widths: tuple[GrowthCost, ...] | None = None
    drift_costs: tuple[DriftCost, ...] | None = None
    costs: ThroughputReport | None = None
    stored: tuple[StoredDrain, ...] | None = None
    scale: tuple[ThroughputReport, ...] | None = None

    def has(self, part: BenchPart) -> bool:
        """Whether a part was measured."""
        return getattr(self, _FIELDS[part]) is not None

    @property
    def is_good(self) -> bool:
        """Whether no ratio is below its floor. Times and memory depend on the machine and have no floor."""
        drains = all(each.is_good for each in (self.throughput, self.costs) if each is not None)
        return drains and all(each.ratio.is_enough for each in self.stored or ())


def read_report(path: Path, *, is_quick: bool) -> BenchReport | None:
    """The report to which `--keep` adds; None if the file does not exist.

    Raises:
        ConfigurationError: another version of the benchmark, or a run of the other size, wrote the file.
    """
    try:
        report = BenchReport.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ConfigurationError(f"{path}: not a report of this version; choose another --output") from error
    if report.is_quick != is_quick:
        raise ConfigurationError(
            f"{path}: made {'with' if report.is_quick else 'without'} --quick; choose another --output"
        )
    return report
