"""The report of the benchmark of intervals: figures of each way on each table, and whether targets are reached."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.intervals.ways import OURS, PLAIN, FoldPredictions
from schemas.frozen_model import FrozenModel
from tasador.bench.machine import Machine
from training.learning.conformal import Reach

FIFTHS = 5
LARGE_ROWS, CLASS_ROWS = 5000, 100
"""Rows from which a table's width, and a class's coverage, have a target."""
COST_US, FALSE_ALARMS, FOUND = 0.5, 0.01, 0.95


class IntervalTarget(NamedTuple):
    """One target."""

    name: str
    reached: float
    is_good: bool


class PartFigures(FrozenModel):
    """Coverage in one part of the test rows, as the mean over outer folds."""

    part: str
    rows: int
    coverage: float


class WayFigures(FrozenModel):
    """What one way reaches on one table, as means over outer folds."""

    way: str
    coverage: float
    width: float
    parts: tuple[PartFigures, ...]


class TableFigures(FrozenModel):
    """All ways on one table.

    Attributes:
        table: its name.
        rows: of the table.
        folds: number of outer folds.
        has_classes: whether it has a target of classes.
        ways: what each way reaches.
    """

    table: str
    rows: int
    folds: int
    has_classes: bool
    ways: tuple[WayFigures, ...]

    def way(self, name: str) -> WayFigures:
        """The figures of one way."""
        return next(each for each in self.ways if each.way == name)

    def targets(self) -> list[IntervalTarget]:
        """The targets of this table."""
        ours = self.way(OURS)
        if self.has_classes:
            least = min((part.coverage for part in ours.parts if part.rows >= CLASS_ROWS), default=1.0)
            return [IntervalTarget(f"{self.table}: least coverage of a class", least, least >= 0.87)]  # noqa: PLR2004
        off = max((part.coverage for part in ours.parts), key=lambda value: abs(value - 0.9))
        targets = [
            IntervalTarget(f"{self.table}: coverage", ours.coverage, abs(ours.coverage - 0.9) <= 0.03),  # noqa: PLR2004
            IntervalTarget(f"{self.table}: coverage of the fifth that is furthest off", off, abs(off - 0.9) <= 0.05),  # noqa: PLR2004
        ]
        if self.rows > LARGE_ROWS:
            ratio = ours.width / self.way(PLAIN).width
            targets.append(IntervalTarget(f"{self.table}: width, of plain", ratio, ratio <= 1))
        return targets


class AlarmFigures(FrozenModel):
    """The rates of the alarm after a calibration on so many rows.

    Attributes:
        rows: of the calibration.
        false_share: share of 1,000 windows without a change that raise the alarm.
        false_streams: share of streams of 5,000 outcomes without a change that raise it at least once.
        found_share: share of streams in which doubled noise is found within 200 outcomes.
        outcomes: until it is found, in the median.
    """

    rows: int
    false_share: float
    false_streams: float
    found_share: float
    outcomes: float


class IntervalsReport(FrozenModel):
    """All figures."""

    made_at: datetime
    machine: Machine
    command: str
    mapie: str
    seconds: float
    tables: tuple[TableFigures, ...]
    cost_us: dict[str, float]
    alarms: tuple[AlarmFigures, ...]

    def targets(self) -> list[IntervalTarget]:
        """Every target of the run."""
        targets = [each for table in self.tables for each in table.targets()]
        targets += [IntervalTarget(f"µs a row, {name}", cost, cost <= COST_US) for name, cost in self.cost_us.items()]
        for each in self.alarms:
            of = f"{each.rows} calibration rows"
            targets.append(IntervalTarget(f"false alarms, {of}", each.false_share, each.false_share <= FALSE_ALARMS))
            targets.append(IntervalTarget(f"doubled noise found, {of}", each.found_share, each.found_share >= FOUND))
        return targets

    @property
    def is_good(self) -> bool:
        """Whether every target is reached."""
        return all(target.is_good for target in self.targets())


def way_figures(way: str, folds: Sequence[FoldPredictions], reaches: Sequence[Reach]) -> WayFigures:
    """The figures of one way over the outer folds of a table."""
    classes = folds[0].domain.target.classes
    names = classes or tuple(f"{number} of {FIFTHS}" for number in range(1, FIFTHS + 1))
    parts = []
    for position, name in enumerate(names):
        rows = [_rows_of(fold, name, position) for fold in folds]
        shares = [reach.is_covered[of].mean() for reach, of in zip(reaches, rows, strict=True) if len(of)]
        parts.append(PartFigures(part=name, rows=sum(map(len, rows)), coverage=float(np.mean(shares))))
    return WayFigures(
        way=way,
        coverage=float(np.mean([reach.coverage for reach in reaches])),
        width=float(np.mean([reach.width for reach in reaches])),
        parts=tuple(parts),
    )


def _rows_of(fold: FoldPredictions, name: str, position: int) -> NDArray[np.int64]:
    """The test rows of a class, or of a fifth of the prediction."""
    if fold.domain.target.classes:
        return np.flatnonzero(fold.test_truth == name)
    return np.array_split(np.argsort(fold.predicted, kind="stable"), FIFTHS)[position]
