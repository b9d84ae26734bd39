"""One run: the parts that were asked for, one after another, on one rig."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from benchmarks.contenders import Contender, build_contenders, build_lean, build_product, build_together
from benchmarks.drift_cost import measure_drift_costs
from benchmarks.growth import measure_backlogs, measure_batches
from benchmarks.latency import measure_latency
from benchmarks.machine import describe_machine
from benchmarks.part import BenchPart
from benchmarks.peer_rates import measure_peers
from benchmarks.report import BenchReport
from benchmarks.rig import Rig
from benchmarks.rounds import run_rounds
from benchmarks.size import Size
from benchmarks.start import measure_starts
from benchmarks.swap import measure_swaps
from benchmarks.throughput import Throughput
from benchmarks.wide import measure_widths
from registry.versions import ModelVersionInfo
from schemas.errors import ConfigurationError

Tell = Callable[[str], object]


class BenchRun:
    """Measures parts.

    Args:
        rig: where.
        size: how much.
        tell: is told how far it is, in a line.
        champion: a model in the rig's home that throughput is measured with, too.
    """

    def __init__(self, rig: Rig, size: Size, tell: Tell, champion: ModelVersionInfo | None = None) -> None:
        self._rig = rig
        self._size = size
        self._tell = tell
        self._champion = champion

    def reports(self, parts: Collection[BenchPart], kept: BenchReport | None = None) -> Iterator[BenchReport]:
        """Measure parts, in their own order; a report after each, of all that was measured until then.

        Args:
            parts: what to measure.
            kept: a report that holds other parts already.

        Raises:
            ConfigurationError: what is kept was made elsewhere, or with other versions.
            BenchmarkError: somebody died, stood still, or did not answer each listing exactly once.
            RedisUnavailableError: Redis went away.
        """
        machine = describe_machine(self._rig.client)
        report = kept or BenchReport(made_at=datetime.now(UTC), machine=machine, is_quick=self._size.is_quick)
        if report.machine.model_copy(update={"load": machine.load}) != machine:
            raise ConfigurationError(
                "the report was made on another machine or with other versions; name another --output"
            )
        asked = [part for part in BenchPart if part in parts]
        for number, part in enumerate(asked, 1):
            self._tell(f"part {number} of {len(asked)}: {part}")
            report = report.model_copy(update=self._measure(part))
            yield report

    def _measure(self, part: BenchPart) -> dict[str, Any]:
        """What a part found, by its names in the report."""
        rig, size, tell = self._rig, self._size, self._tell
        measure: dict[BenchPart, Callable[[], dict[str, Any]]] = {
            BenchPart.THROUGHPUT: self._throughput,
            BenchPart.COSTS: lambda: {"costs": self._drained(build_lean())},
            BenchPart.LATENCY: self._latencies,
            BenchPart.SWAP: lambda: {"swaps": measure_swaps(rig, size.swap_s, tell)},
            BenchPart.START: lambda: {"starts": tuple(measure_starts(rig, size.starts, tell))},
            BenchPart.SCALE: self._scale,
            BenchPart.GROWTH: self._growth,
            BenchPart.DRIFT: lambda: {"drift_costs": tuple(measure_drift_costs(size.drifts, tell))},
            BenchPart.PEERS: lambda: {"peers": measure_peers(rig, size, tell)},
        }
        return measure[part]()

    def _throughput(self) -> dict[str, Any]:
        champion = [build_product(self._champion)] if self._champion else []
        contenders = build_contenders(self._rig.booster, self._size.consumers)
        return {"throughput": self._drained([*contenders, *champion])}

    def _latencies(self) -> dict[str, Any]:
        size, until = self._size, not self._size.is_quick
        steps = measure_latency(self._rig, size.rates, size.latency_s, self._tell, until_saturated=until)
        return {"latencies": tuple(steps)}

    def _scale(self) -> dict[str, Any]:
        size, contenders = self._size, (build_product(), build_together(max(self._size.consumers, 2)))
        found = [run_rounds(self._rig, contenders, listings, size.scale_rounds, self._tell) for listings in size.scales]
        return {"scale": tuple(found)}

    def _drained(self, contenders: Sequence[Contender]) -> Throughput:
        size = self._size
        return run_rounds(self._rig, contenders, size.listings, size.rounds, self._tell, is_quick=size.is_quick)

    def _growth(self) -> dict[str, Any]:
        rig, size, tell = self._rig, self._size, self._tell
        return {
            "batches": tuple(measure_batches(rig, size.batches, tell)),
            "widths": tuple(measure_widths(rig.url, rig.settings.home, size.widths, size.width_events, tell)),
            "backlogs": tuple(measure_backlogs(rig, size.backlogs, tell)),
        }
