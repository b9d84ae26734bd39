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
from tasador.bench.rollout import RolloutDrain
from tasador.bench.start import ConsumerStart
from tasador.bench.stored import StoredDrain
from tasador.bench.swap import SwapLatencies
from tasador.bench.throughput import ThroughputReport
from tasador.bench.traced import TracedDrains

_FIELDS = {
    BenchPart.THROUGHPUT: "throughput",
    BenchPart.AOF: "aof",
    BenchPart.BUSY: "busy",
    BenchPart.CLASSES: "classes",
    BenchPart.COSTS: "costs",
    BenchPart.STORED: "stored",
    BenchPart.ROLLOUT: "rollouts",
    BenchPart.TRACED: "traced",
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
        aof: the consumer beside the bare loop with an append-only file (`everysec`).
        busy: the same while other programs keep the cores half busy.
        classes: the champion of a domain of classes beside the bare loop.
        costs: the consumer beside itself without some of its features.
        stored: the consumer with listings that take features from the store.
        rollouts: the consumer without and with a challenger beside the champion.
        traced: the consumer with traces of some listings.
        scale: one consumer and several, at each number of listings.
        widths: growth with the number of features.
        champion: the recipe of the champion that was measured too; empty if there was none. Its figures are in the
            fields whose names begin with it, and in rows of their own where contenders are compared.
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
    rollouts: tuple[RolloutDrain, ...] | None = None
    traced: TracedDrains | None = None
    scale: tuple[ThroughputReport, ...] | None = None
    aof: ThroughputReport | None = None
    busy: ThroughputReport | None = None
    classes: ThroughputReport | None = None
    champion: str = ""
    champion_latencies: tuple[LatencyStep, ...] = ()
    champion_swaps: SwapLatencies | None = None
    champion_starts: tuple[ConsumerStart, ...] = ()
    champion_batches: tuple[GrowthCost, ...] = ()

    def has(self, part: BenchPart) -> bool:
        """Whether a part was measured."""
        return getattr(self, _FIELDS[part]) is not None

    @property
    def is_good(self) -> bool:
        """Whether no ratio is below its floor. Times and memory depend on the machine and have no floor."""
        drains = all(
            each.is_good
            for each in (self.throughput, self.costs, self.aof, self.busy, self.classes)
            if each is not None
        )
        ratios = [each.ratio for each in self.stored or ()] + [each.ratio for each in self.rollouts or ()]
        ratios += [self.traced.ratio] if self.traced else []
        return drains and all(ratio.is_enough for ratio in ratios)


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
