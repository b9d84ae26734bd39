"""Steps of a training: they run units on an engine, count their work, report progress and watch the clock.

Only the clock can make two trainings of the same input differ. It stops a training that takes three times its budget,
between two steps; how many steps were done is recorded, and a training told to stop there repeats the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from training.learning.encoded_table import EncodedTable
from training.learning.engine import Engine
from training.learning.growth import FoldGrowth, GrowthUnit
from training.learning.plan import TrainingPlan
from training.progress import Progress, ProgressStep

PATIENCE, LEAST_PATIENCE = 3, 60.0
"""Budgets after which the clock stops a training, and the seconds before which it never does."""


class TrainingSteps:
    """Runs the steps of one training.

    Args:
        engine: that runs units.
        plan: with the budget.
        progress: called with the share of the work that is done.
        most: number of steps after which the training ends, to repeat one that the clock stopped; 0 for no limit.

    Attributes:
        spent: counted work of what has run.
        done: number of steps that have run.
        stopped_after: number of steps after which the clock stopped the training; None if it did not.
    """

    def __init__(self, engine: Engine, plan: TrainingPlan, progress: Progress, most: int = 0) -> None:
        self._engine = engine
        self._plan = plan
        self._progress = progress
        self._most = most
        self._end = perf_counter() + max(PATIENCE * plan.seconds, LEAST_PATIENCE)
        self._shown = (-1, "")
        self.spent = 0.0
        self.done = 0
        self.stopped_after: int | None = None

    @property
    def left(self) -> float:
        """Counted work that the plan has left."""
        return max(0.0, self._plan.work - self.spent)

    def may_start(self) -> bool:
        """Whether another step may start that the training can do without."""
        if self.stopped_after is None and perf_counter() > self._end:
            self.stopped_after = self.done
        return self.stopped_after is None and not (self._most and self.done >= self._most)

    def grow(self, name: str, units: Sequence[GrowthUnit], table: EncodedTable) -> list[FoldGrowth]:
        """Grow boosted trees; rounds that are spared because a fold stops early do not count.

        Args:
            name: of the step, for the progress.
            units: to run.
            table: of the training.
        """
        works = [unit.work(table.width) for unit in units]
        grown: list[FoldGrowth] = self.run(name, units, works)
        for unit, work, fold in zip(units, works, grown, strict=True):
            if fold.trees < unit.trees:
                self.spent -= work - replace(unit, trees=fold.trees).work(table.width)
        return grown

    def run(self, name: str, units: Sequence[Any], works: Sequence[float]) -> list[Any]:
        """Run the units of a step.

        Args:
            name: of the step, for the progress.
            units: to run.
            works: counted work of each.
        """

        def report(position: int) -> None:
            self.spent += works[position]
            share = min(99, round(100 * self.spent / self._plan.work))
            if (share, name) != self._shown:
                self._shown = (share, name)
                self._progress(ProgressStep("training", share, 100, f" %, {name}"))

        results = self._engine.run(units, report)
        self.done += 1
        return results
