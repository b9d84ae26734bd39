"""One run: measures the requested parts one after another on one rig."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from registry.versions import ModelVersionInfo
from schemas.errors import ConfigurationError
from tasador.bench.champion import DOMAIN_OF_CLASSES
from tasador.bench.conditions import append_only_file, half_busy_cores
from tasador.bench.contenders.contender import (
    CLASSES,
    Contender,
    build_bare,
    build_classes,
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
from tasador.bench.rollout import measure_rollouts
from tasador.bench.rounds import NO_OTHERS, run_rounds
from tasador.bench.size import BenchSize
from tasador.bench.start import ConsumerStart, measure_starts
from tasador.bench.stored import measure_stored
from tasador.bench.swap import SwapLatencies, measure_swaps
from tasador.bench.targets import EVEN, LATENCIES_MS, NO_TARGETS, TARGETS
from tasador.bench.throughput import ThroughputReport
from tasador.bench.traced import measure_traced
from tasador.bench.wide import measure_widths
from training.progress import Progress


class BenchRun:
    """Measures parts.

    Args:
        rig: where to measure.
        size: how much to measure.
        progress: called with a line of text.
        champion: a model in the rig's registry that is measured beside the rig's.
        of_classes: a rig of a domain of classes, with its champion.
    """

    def __init__(
        self,
        rig: Rig,
        size: BenchSize,
        progress: Progress,
        champion: ModelVersionInfo | None = None,
        of_classes: Rig | None = None,
    ) -> None:
        self._rig = rig
        self._size = size
        self._progress = progress
        self._champion = champion
        self._of_classes = of_classes

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
        if self._champion:
            report = report.model_copy(update={"champion": self._champion.algorithm})
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
        size, progress = self._size, self._progress
        measure: dict[BenchPart, Callable[[], dict[str, Any]]] = {
            BenchPart.THROUGHPUT: self._throughput,
            BenchPart.AOF: self._with_aof,
            BenchPart.BUSY: self._busy,
            BenchPart.CLASSES: self._classes,
            BenchPart.COSTS: lambda: {"costs": self._drain(build_reduced())},
            BenchPart.STORED: self._stored,
            BenchPart.ROLLOUT: self._rollouts,
            BenchPart.TRACED: self._traced,
            BenchPart.LATENCY: self._latencies,
            BenchPart.SWAP: self._swaps,
            BenchPart.START: self._starts,
            BenchPart.SCALE: self._scale,
            BenchPart.GROWTH: self._growth,
            BenchPart.DRIFT: lambda: {"drift_costs": tuple(measure_drift_costs(size.drifts, progress))},
        }
        return measure[part]()

    def _throughput(self) -> dict[str, Any]:
        contenders = build_contenders(self._rig.booster, self._size.consumers)
        return {"throughput": self._drain([*contenders, *self._champions])}

    @property
    def _champions(self) -> list[Contender]:
        return [build_product(self._champion)] if self._champion else []

    @property
    def _product_and_loop(self) -> list[Contender]:
        return [build_product(), build_bare(self._rig.booster), *self._champions]

    def _with_aof(self) -> dict[str, Any]:
        with append_only_file(self._rig.client):
            return {"aof": self._drain(self._product_and_loop, NO_TARGETS)}

    def _busy(self) -> dict[str, Any]:
        with half_busy_cores():
            return {"busy": self._drain(self._product_and_loop, EVEN)}

    def _classes(self) -> dict[str, Any]:
        if self._of_classes is None:
            self._progress(f"there is no champion of {DOMAIN_OF_CLASSES}: nothing is measured")
            return {}
        contenders = [build_classes(self._of_classes.model), build_bare(self._rig.booster)]
        return {"classes": self._drain(contenders, EVEN, {CLASSES: self._of_classes})}

    def _stored(self) -> dict[str, Any]:
        size = self._size
        return {"stored": measure_stored(self._rig, size.listings, size.rounds, self._progress, is_quick=size.is_quick)}

    def _rollouts(self) -> dict[str, Any]:
        size = self._size
        drains = measure_rollouts(self._rig, size.listings, size.rounds, self._progress, is_quick=size.is_quick)
        return {"rollouts": drains}

    def _traced(self) -> dict[str, Any]:
        size = self._size
        return {"traced": measure_traced(self._rig, size.listings, size.rounds, self._progress, is_quick=size.is_quick)}

    def _latencies(self) -> dict[str, Any]:
        size, until = self._size, not self._size.is_quick
        steps = measure_latency(self._rig, size.rates, size.latency_s, self._progress, until_saturated=until)
        rates = [rate for rate in size.rates if rate in LATENCIES_MS]
        return {
            "latencies": tuple(steps),
            **self._with_champion(
                "latencies", lambda rig: tuple(measure_latency(rig, rates, size.latency_s, self._progress))
            ),
        }

    def _swaps(self) -> dict[str, Any]:
        def measure(rig: Rig) -> SwapLatencies:
            return measure_swaps(rig, self._size.swap_s, self._progress)

        return {"swaps": measure(self._rig), **self._with_champion("swaps", measure)}

    def _starts(self) -> dict[str, Any]:
        def measure(rig: Rig) -> tuple[ConsumerStart, ...]:
            return tuple(measure_starts(rig, self._size.starts, self._progress))

        return {"starts": measure(self._rig), **self._with_champion("starts", measure)}

    def _with_champion(self, field: str, measure: Callable[[Rig], object]) -> dict[str, Any]:
        """The same measurement with the champion, by its field of the report; nothing if there is no champion."""
        return {f"champion_{field}": measure(self._rig.serving(self._champion))} if self._champion else {}

    def _scale(self) -> dict[str, Any]:
        rig, size = self._rig, self._size
        contenders = (build_product(), build_together(max(size.consumers, 2)), *self._champions)
        return {
            "scale": tuple(
                run_rounds(rig, contenders, listings, size.scale_rounds, self._progress) for listings in size.scales
            )
        }

    def _drain(
        self,
        contenders: Sequence[Contender],
        targets: Mapping[str, float] = TARGETS,
        other_rigs: Mapping[str, Rig] = NO_OTHERS,
    ) -> ThroughputReport:
        size = self._size
        return run_rounds(
            self._rig,
            contenders,
            size.listings,
            size.rounds,
            self._progress,
            is_quick=size.is_quick,
            targets=targets,
            other_rigs=other_rigs,
        )

    def _growth(self) -> dict[str, Any]:
        rig, size, progress = self._rig, self._size, self._progress
        return {
            "batches": tuple(measure_batches(rig, size.batches, progress)),
            **self._with_champion("batches", lambda rig: tuple(measure_batches(rig, size.batches, progress))),
            "widths": tuple(measure_widths(rig.url, rig.settings.home, size.widths, size.width_events, progress)),
            "backlogs": tuple(measure_backlogs(rig, size.backlogs, progress)),
        }
