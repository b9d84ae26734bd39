"""Races: shapes of boosted trees grow on a part of the rows and folds, and only the leaders go on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.learning.encoded_table import EncodedTable
from training.learning.folding import Split
from training.learning.growth import Growth, GrowthUnit, join_folds, rounds_within
from training.learning.plan import FIRST_RACE, SECOND_RACE, TrainingPlan
from training.learning.portfolio import TreeShape, portfolio_for
from training.learning.steps import TrainingSteps
from training.learning.work import TableWidth

RATES = (0.03, 0.1, 0.3)
"""Least learning rate, that of races, and the largest."""
_USUAL_TREES = 300
"""Rounds that most tables need at the learning rate of races."""
_TREES = (400, 800)
"""Most rounds in the first and in the second race."""
_LEADERS = 4
_USUAL = {"boosting-depth-6", "boosting-depth-6-sampled"}
COST_SHARE = 0.9
"""Share of the limit on cost that one booster may use, so that there is room for a second member."""


@dataclass(frozen=True, slots=True)
class RaceEntry:
    """A shape in a race.

    Attributes:
        shape: of the trees.
        growth: what it grew.
        rate: the learning rate.
    """

    shape: TreeShape
    growth: Growth
    rate: float


@dataclass(frozen=True, slots=True)
class Race:
    """What the races of a training share.

    Attributes:
        table: the training rows.
        plan: rows and folds of the races.
        metric: that decides.
        splits: the folds.
        seed: of every random choice.
        max_us_per_row: limit on the cost of a row.
    """

    table: EncodedTable
    plan: TrainingPlan
    metric: str
    splits: Sequence[Split]
    seed: int
    max_us_per_row: float

    def leaders(self, steps: TrainingSteps) -> list[RaceEntry]:
        """The leaders of both races, best first."""
        shapes = portfolio_for(self.metric, len(self.table), self.table.groups)
        first = self.run("comparing shapes of trees", shapes, 0, FIRST_RACE * self.plan.work, steps)
        if not steps.may_start():
            return first[: self.plan.finalists]
        kept = _with_both_kinds([runner.shape for runner in first], _LEADERS)
        usual = [shape for shape in shapes if shape.name in _USUAL] if self.is_sampled_by_class else []
        kept += [shape for shape in usual if shape not in kept]
        second = self.run("comparing the best shapes", kept, 1, SECOND_RACE * self.plan.work, steps)
        order = _with_both_kinds([runner.shape for runner in second], self.plan.finalists)
        order += [shape for shape in usual if shape not in order]
        by_shape = {runner.shape: runner for runner in second}
        return [by_shape[shape] for shape in order]

    @property
    def is_sampled_by_class(self) -> bool:
        """Whether races look at so few rows of each of many classes that small trees win which lose on all rows.

        XGBoost's own shape of trees, with all rows and columns and with samples of them, is a finalist then.
        """
        return self.table.groups > 1 and self.plan.race_rows[1] < len(self.table) / 2

    def run(
        self, name: str, shapes: Sequence[TreeShape], number: int, room: float, steps: TrainingSteps
    ) -> list[RaceEntry]:
        """One race; the best runner first.

        Args:
            name: for the progress.
            shapes: that take part.
            number: of the race, 0 or 1.
            room: counted work for all shapes.
            steps: that run it.
        """
        splits = self._cut(self.splits[: self.plan.race_folds[number]], self.plan.race_rows[number])
        return self.run_on(name, shapes, splits, room, _TREES[number], steps)

    def run_on(
        self,
        name: str,
        shapes: Sequence[TreeShape],
        splits: Sequence[Split],
        room: float,
        trees: int,
        steps: TrainingSteps,
    ) -> list[RaceEntry]:
        """As `run`, on given folds with a given number of trees at most."""
        units: list[GrowthUnit] = []
        rates: list[float] = []
        for shape in shapes:
            a_round = sum(shape.work(len(train), self.table.width) for train, _ in splits)
            most = min(trees, room / len(shapes) / a_round, most_trees(shape, self.table.width, self.max_us_per_row))
            rounds = rounds_within(most)
            rates.append(rate_for(rounds))
            for train, validation in splits:
                units.append(GrowthUnit(shape, rates[-1], rounds, train, validation, self.seed, self.metric))
        grown = steps.grow(name, units, self.table)
        runners = [
            RaceEntry(shape, join_folds(grown[at * len(splits) : (at + 1) * len(splits)]), rates[at])
            for at, shape in enumerate(shapes)
        ]
        return sorted(runners, key=lambda runner: (not np.isfinite(runner.growth.loss), runner.growth.loss))

    def _cut(self, splits: Sequence[Split], rows: int) -> list[Split]:
        rng = np.random.default_rng(self.seed)
        return [tuple(_sample(part, rows, rng) for part in split) for split in splits]  # type: ignore[misc]

    def search_splits(self, splits: Sequence[Split]) -> list[Split]:
        """Folds for a search: all where the races looked at all rows, else as in the second race."""
        rows = self.plan.race_rows[1]
        return self._cut(splits if rows >= len(self.table) else splits[: self.plan.race_folds[1]], rows)


def rate_for(rounds: int) -> float:
    """The learning rate of a race: faster where cost or work leave fewer rounds than most tables need."""
    return round(float(np.clip(RATES[1] * _USUAL_TREES / rounds, RATES[1], RATES[2])), 4)


def most_trees(shape: TreeShape, width: TableWidth, max_us_per_row: float) -> float:
    """The most rounds that one booster may have."""
    return COST_SHARE * max_us_per_row / shape.cost(1, width)


def _sample(
    rows: np.ndarray[tuple[int], np.dtype[np.int64]], most: int, rng: np.random.Generator
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return rows if len(rows) <= most else np.sort(rng.permutation(rows)[:most])


def _with_both_kinds(shapes: Sequence[TreeShape], count: int) -> list[TreeShape]:
    """The first shapes, and the best of the other kind if they are all of one.

    Kinds are the two scales of a target, and trees of one class or of all classes. They differ most, so each is worth
    more beside the other, and a race counts neither what a row costs nor what a blend of both gains.
    """
    kept = list(shapes[:count])
    kinds = {(shape.log, shape.by_vector) for shape in kept}
    others = [shape for shape in shapes[count:] if (shape.log, shape.by_vector) not in kinds]
    return [*kept, *others[:1]] if len(kinds) == 1 else kept
