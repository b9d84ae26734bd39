"""Finals: the leaders of the races grow on all folds, with a learning rate that uses the work that is left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from training.learning.blending import RESERVE
from training.learning.folding import Split, backward_splits
from training.learning.growth import CHUNK, GrowthUnit, growth_work, join_folds, rounds_within
from training.learning.members import BoostedMember
from training.learning.plan import FINAL
from training.learning.portfolio import neighbours_of
from training.learning.racing import COST_SHARE, RATES, Race, RaceEntry, most_trees
from training.learning.steps import TrainingSteps
from training.learning.trials import Predictions, Trial, trial_of

_MARGIN, _FEWEST = 1.3, 40
"""Rounds that a booster gets beyond those that it needed in a race: a share, and a number."""
_MORE_TREES = 1.1
"""Rounds on all rows, as a share of those on a fold's: more rows bear more trees."""
_SECOND_SHARE, _LIGHT_SHARE, _LIGHT_ROWS = 0.5, 0.3, 5000
"""Shares of the largest cost that later finalists may have, and light ones, which leave room for others in a blend; and
the rows up to which there are light ones."""
_SEARCH_TURNS, _FEWEST_NEIGHBOURS, _MOST_NEIGHBOURS = 3, 4, 16
_NEEDED = 0.998
"""What a neighbour's loss may be of the leader's at most."""
_SEEDS = 4
_SEEDED_ROWS = 20_000
"""Rows up to which seeds are averaged: on more, one booster is already a mean of many samples."""
_RESERVE = 0.75
"""Share of the work that is left that a search may use; the rest is for the last fits."""


@dataclass(frozen=True, slots=True)
class Finals:
    """Grows finalists on all folds of a training.

    Attributes:
        race: that they won, with table and folds.
        beside_us: counted cost of a row in µs of the smooth member that a blend may have beside a booster.
    """

    race: Race
    beside_us: float = 0.0

    def grow(self, runners: Sequence[RaceEntry], steps: TrainingSteps) -> list[Trial]:
        """The trials of all finalists; the first always runs."""
        trials: list[Trial] = []
        # of many classes the limit on cost leaves a booster few rounds: half of them would not show what it is worth
        later = 1.0 if self.race.is_sampled_by_class else _SECOND_SHARE
        entries = [(runner, later if number else self._first_share, "") for number, runner in enumerate(runners)]
        if len(self.race.table) <= _LIGHT_ROWS:
            entries += [(runner, _LIGHT_SHARE, "-light") for runner in runners[:2]]
        # a search on so few rows finds less than the finalists that it makes room for
        parts = self.race.plan.finalists if self.race.is_sampled_by_class else len(entries)
        for number, (runner, share, suffix) in enumerate(entries):
            if number and not steps.may_start():
                break
            room = FINAL * self.race.plan.work / parts
            trials.append(self.grow_one(runner, room, steps, share, suffix))
        return trials

    @property
    def _first_share(self) -> float:
        """Share of its largest cost that the leader may have, so that there is room for a smooth member."""
        limit = self.race.max_us_per_row
        return min(1.0, max(_SECOND_SHARE, (RESERVE * limit - self.beside_us) / (COST_SHARE * _MORE_TREES * limit)))

    def grow_one(
        self, runner: RaceEntry, room: float, steps: TrainingSteps, share: float = 1.0, suffix: str = ""
    ) -> Trial:
        """The trial of one finalist.

        Args:
            runner: the finalist.
            room: counted work for it.
            steps: that run it.
            share: of a booster's largest cost that it may have.
            suffix: of the candidate's name.
        """
        race, table, shape = self.race, self.race.table, runner.shape
        a_round = sum(shape.work(len(train), table.width) for train, _ in race.splits)
        a_round += _MORE_TREES * shape.work(len(table), table.width)
        wanted = runner.growth.trees * _MARGIN + _FEWEST
        dearest = share * most_trees(shape, table.width, race.max_us_per_row)
        most = min(room / a_round, dearest, wanted * runner.rate / RATES[0])
        rate = round(float(np.clip(runner.rate * wanted / most, RATES[0], RATES[-1])), 4)
        rounds = rounds_within(most)
        units = [
            GrowthUnit(shape, rate, rounds, train, validation, race.seed, race.metric)
            for train, validation in race.splits
        ]
        growth = join_folds(steps.grow(f"growing {shape.name}", units, table))
        member = BoostedMember(shape, rate, max(1, round(growth.trees * _MORE_TREES)))
        raw = [self._predictions(member, margins) for margins in growth.margins]
        return self._trial(f"{shape.name}{suffix}", member, raw, steps)

    def search(self, leader: Trial, splits: Sequence[Split], steps: TrainingSteps, number: int = 0) -> Trial | None:
        """Search round a booster, and grow its best neighbour on all folds; None if none is better or there is no room.

        Args:
            leader: the booster.
            splits: other folds than those that compare candidates, so that a neighbour does not win by chance there.
            steps: that run it.
            number: of the search, counted from 0.
        """
        race, member = self.race, boosted_member(leader)
        rounds = rounds_within(min(1000, member.trees * member.learning_rate / RATES[1] + CHUNK))
        needed = sum(growth_work(member.shape, rounds, len(train), race.table.width) for train, _ in splits)
        again = self._work_of(member)
        kept = (2 + _SEEDS * bool(number)) * again
        affordable = int((_RESERVE * steps.left - kept) / needed)
        turns = min(_SEARCH_TURNS, affordable // _FEWEST_NEIGHBOURS)
        if not turns:
            return None
        count = min(affordable // turns, _MOST_NEIGHBOURS)
        best: RaceEntry | None = None
        start: RaceEntry | None = None
        for turn in range(number * _SEARCH_TURNS, number * _SEARCH_TURNS + turns):
            if not steps.may_start():
                break
            centre = member.shape if best is None else best.shape
            shapes = neighbours_of(centre, count, race.seed + turn)
            shapes = [
                replace(each, name=f"{member.shape.name}-near-{turn * _MOST_NEIGHBOURS + at + 1}")
                for at, each in enumerate(shapes)
            ]
            if start is None:
                shapes = [member.shape, *shapes]
            room = 2 * needed * len(shapes)
            runners = race.run_on("searching round the best", shapes, splits, room, rounds, steps)
            start = start or next(each for each in runners if each.shape == member.shape)
            best = min([*runners, *([best] if best else [])], key=lambda runner: runner.growth.loss)
        if best is None or start is None or best.growth.loss > _NEEDED * start.growth.loss or not steps.may_start():
            return None
        return self.grow_one(best, 1.5 * again, steps)

    def average_seeds(self, leader: Trial, steps: TrainingSteps) -> Trial | None:
        """The mean of the leader and of boosters with other seeds; None if there is no room for one more."""
        race, table, member = self.race, self.race.table, boosted_member(leader)
        cost = member.shape.cost(member.trees, table.width)
        by_cost = int(most_trees(member.shape, table.width, race.max_us_per_row) / member.trees)
        by_work = 1 + int(_RESERVE * steps.left / self._work_of(member))
        seeds = min(_SEEDS, by_cost, by_work)
        if len(table) > _SEEDED_ROWS or seeds < 2 or not steps.may_start():  # noqa: PLR2004 - the leader's and one more
            return None
        trees = max(1, round(member.trees / _MORE_TREES))
        units = [
            GrowthUnit(member.shape, member.learning_rate, trees, train, validation, race.seed + number, race.metric)
            for number in range(seeds)
            for train, validation in race.splits
        ]
        grown = steps.grow(f"averaging seeds of {member.shape.name}", units, table)
        folds = len(race.splits)
        # a booster that stopped early has been growing worse since; its last look is close enough to its best
        margins = [
            np.mean([grown[seed * folds + fold].margins[-1] for seed in range(seeds)], axis=0) for fold in range(folds)
        ]
        averaged = replace(member, seeds=seeds, power=1.0)
        raw = [self._predictions(averaged, each) for each in margins]
        return self._trial(f"{leader.name}-seeds", averaged, raw, steps, cost * seeds)

    def _trial(
        self,
        name: str,
        member: BoostedMember,
        raw: Sequence[Predictions],
        steps: TrainingSteps,
        cost: float | None = None,
    ) -> Trial:
        race = self.race
        counted = member.shape.cost(member.trees, race.table.width) if cost is None else cost
        others = self._backwards(member, steps)
        return trial_of(name, member, race.table, race.metric, race.splits, raw, others, counted)

    def _backwards(self, member: BoostedMember, steps: TrainingSteps) -> Predictions | None:
        race = self.race
        units = [
            GrowthUnit(member.shape, member.learning_rate, member.trees, train, rows, race.seed, race.metric)
            for train, rows in backward_splits(len(race.table), race.splits)
        ]
        if not units:
            return None
        (grown,) = steps.grow(f"predicting the earliest rows by {member.shape.name}", units, race.table)
        return self._predictions(member, grown.margins[-1])

    def _predictions(
        self, member: BoostedMember, margins: np.ndarray[tuple[int, ...], np.dtype[np.float32]]
    ) -> Predictions:
        table = self.race.table
        own = member.shape.estimator(1, 0.1, (), len(table.classes), 1, 0)
        return own.from_margins(margins.astype(np.float64))

    def _work_of(self, member: BoostedMember) -> float:
        width = self.race.table.width
        return sum(growth_work(member.shape, member.trees, len(train), width) for train, _ in self.race.splits)


def boosted_member(trial: Trial) -> BoostedMember:
    """The member of a trial of one booster."""
    (member,) = trial.members
    assert isinstance(member, BoostedMember)  # noqa: S101 - the caller passes boosters
    return member
