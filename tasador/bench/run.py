"""One run: measures the requested parts one after another on one rig."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from registry.versions import ModelVersionInfo
from schemas.errors import ConfigurationError
from tasador.bench.contenders.contender import (
    Contender,
    build_contenders,
    build_product,
    build_reduced,
    build_together,
)
from tasador.bench.drift_cost import measure_drift_costs
from tasador.bench.growth import measure_backlogs, measure_batches
from tasador.bench.latency import measure_latency
from tasador.bench.machine import describe_machine
from tasador.bench.part import BenchPart
from tasador.bench.report import BenchReport
from tasador.bench.rig import Rig
from tasador.bench.rounds import run_rounds
from tasador.bench.size import BenchSize
from tasador.bench.start import measure_starts
from tasador.bench.stored import measure_stored
from tasador.bench.swap import measure_swaps
from tasador.bench.throughput import ThroughputReport
from tasador.bench.wide import measure_widths
from training.progress import Progress


class BenchRun:
    """Measures parts.

    Args:
        rig: where to measure.
        size: how much to measure.
        progress: called with a line of text.
        champion: a model in the rig's registry that throughput is measured with, too.
    """

    def __init__(self, rig: Rig, size: BenchSize, progress: Progress, champion: ModelVersionInfo | None = None) -> None:
        self._rig = rig
        self._size = size
        self._progress = progress
        self._champion = champion

    def reports(self, parts: Collection[BenchPart], kept: BenchReport | None = None) -> Iterator[BenchReport]:
        """Measure parts in the order of `BenchPart`, and yield the report so far after each.

        Args:
            parts: what to measure.
            kept: a report that holds other parts already.

        Raises:
            ConfigurationError: the kept report comes from another machine or from other versions.
            BenchmarkError: a contender died, made no progress, or did not answer each listing exactly once.
            RedisUnavailableError: Redis does not answer.
        """
        machine = describe_machine(self._rig.client)
        report = kept or BenchReport(made_at=datetime.now(UTC), machine=machine, is_quick=self._size.is_quick)
        if report.machine.model_copy(update={"load": machine.load}) != machine:
            raise ConfigurationError(
                "the report was made on another machine or with other versions; choose another --output"
            )
        ordered = [part for part in BenchPart if part in parts]
        for number, part in enumerate(ordered, 1):
            self._progress(f"part {number} of {len(ordered)}: {part}")
            report = report.model_copy(update=self._measure(part))
            yield report

    def _measure(self, part: BenchPart) -> dict[str, Any]:
        """The results of a part, by field of the report."""
        rig, size, progress = self._rig, self._size, self._progress
        measure: dict[BenchPart, Callable[[], dict[str, Any]]] = {
            BenchPart.THROUGHPUT: self._throughput,
            BenchPart.COSTS: lambda: {"costs": self._drain(build_reduced())},
            BenchPart.STORED: self._stored,
            BenchPart.LATENCY: self._latencies,
            BenchPart.SWAP: lambda: {"swaps": measure_swaps(rig, size.swap_s, progress)},
            BenchPart.START: lambda: {"starts": tuple(measure_starts(rig, size.starts, progress))},
            BenchPart.SCALE: self._scale,
            BenchPart.GROWTH: self._growth,
            BenchPart.DRIFT: lambda: {"drift_costs": tuple(measure_drift_costs(size.drifts, progress))},
        }
        return measure[part]()

    def _throughput(self) -> dict[str, Any]:
        champion = [build_product(self._champion)] if self._champion else []
        contenders = build_contenders(self._rig.booster, self._size.consumers)
        return {"throughput": self._drain([*contenders, *champion])}

    def _stored(self) -> dict[str, Any]:
        size = self._size
        return {"stored": measure_stored(self._rig, size.listings, size.rounds, self._progress, is_quick=size.is_quick)}

    def _latencies(self) -> dict[str, Any]:
        size, until = self._size, not self._size.is_quick
        steps = measure_latency(self._rig, size.rates, size.latency_s, self._progress, until_saturated=until)
        return {"latencies": tuple(steps)}

    def _scale(self) -> dict[str, Any]:
        rig, size = self._rig, self._size
        contenders = (build_product(), build_together(max(size.consumers, 2)))
        return {
            "scale": tuple(
                run_rounds(rig, contenders, listings, size.scale_rounds, self._progress) for listings in size.scales
            )
        }

    def _drain(self, contenders: Sequence[Contender]) -> ThroughputReport:
        size = self._size
        return run_rounds(self._rig, contenders, size.listings, size.rounds, self._progress, is_quick=size.is_quick)

    def _growth(self) -> dict[str, Any]:
        rig, size, progress = self._rig, self._size, self._progress
        return {
            "batches": tuple(measure_batches(rig, size.batches, progress)),
            "widths": tuple(measure_widths(rig.url, rig.settings.home, size.widths, size.width_events, progress)),
            "backlogs": tuple(measure_backlogs(rig, size.backlogs, progress)),
        }
