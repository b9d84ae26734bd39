"""The plan of a training: what is tried on how many rows and folds, made before anything is fitted.

It depends on the table's size, the budget in seconds and the settings alone, never on the clock or the number of cores,
so the same input gives the same plan and the same model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from schemas.sections import TrainingSettings
from training.learning import work
from training.learning.encoded_table import EncodedTable
from training.learning.growth import growth_work
from training.learning.portfolio import TreeShape, portfolio_for
from training.learning.recipes import BOOSTING, Recipe

CORES = 2
"""Cores for which a budget in seconds is turned into work."""
FIRST_RACE, SECOND_RACE, FINAL, SIMPLE = 0.12, 0.13, 0.3, 0.25
"""Shares of the work for learning; the rest is for searching and the last fits."""
_REGISTERING, _PLOTS = 6.0, 6.0
"""Work to store a version and its report, and to draw its plots."""
_LEAST_SHARE = 0.3
"""Share of a budget that is left for learning, however long reading takes."""
_RACE_TREES, _SECOND_TREES = 200, 300
_LEAST_ROWS = 1500
_MANY_ROWS = 4000
"""Rows from which a race looks at fewer folds."""
_REPEATED = ((1500, 5), (5000, 2))
"""Rows up to which folds are repeated so often."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """What a training does, in counted work.

    Attributes:
        seconds: the budget.
        work: for learning, in counted seconds of one core.
        folds: of the cross-validation.
        repeats: of the folds.
        race_rows: most training rows of a fold in the first and in the second race.
        race_folds: folds of the first and of the second race.
        finalists: shapes that grow on all folds.
        recipes: names of the recipes that are tried beside the portfolio.
        left_out: what the budget or the table has no room for, with the reason.
    """

    seconds: float
    work: float
    folds: int
    repeats: int
    race_rows: tuple[int, int]
    race_folds: tuple[int, int]
    finalists: int
    recipes: tuple[str, ...]
    left_out: dict[str, str]

    def figures(self) -> dict[str, Any]:
        """All fields, as JSON values."""
        values = asdict(self)
        return {name: list(each) if isinstance(each, tuple) else each for name, each in values.items()}


def make_plan(
    table: EncodedTable, training: TrainingSettings, metric: str, recipes: Sequence[Recipe], names: Sequence[str] = ()
) -> TrainingPlan:
    """Make the plan.

    Args:
        table: the training rows.
        training: budget, folds and repetitions at most, and what is reported.
        metric: that decides.
        recipes: that may be tried beside the portfolio.
        names: of recipes that were asked for, which are tried on any number of rows.
    """
    rows, width = len(table), table.width
    whole = CORES * training.seconds
    spent = work.reading_work(rows, width.columns) + _REGISTERING + (_PLOTS if training.report == "full" else 0)
    learning = max(whole - spent, _LEAST_SHARE * whole)
    shapes = portfolio_for(metric, rows, width.groups)
    a_round = float(np.mean([shape.work(1000, width) for shape in shapes])) / 1000
    left_out: dict[str, str] = {}
    folds = _fold_count(shapes, rows, width, training.folds, FINAL * learning)
    if folds < training.folds:
        left_out[f"{training.folds} folds"] = f"{rows} rows and {training.seconds:g} s leave room for {folds}"
    repeats = _repeat_count(shapes, rows, width, folds, training.repeats, FINAL * learning)
    chosen, recipes_left_out = _recipes_that_fit(recipes, names, table, folds * repeats, SIMPLE * learning)
    for fewer in range(repeats - 1, 0, -1):
        # another kind of model is worth more than a repetition
        more, left_out_of_fewer = _recipes_that_fit(recipes, names, table, folds * fewer, SIMPLE * learning)
        if len(more) > len(chosen):
            chosen, recipes_left_out, repeats = more, left_out_of_fewer, fewer
    if repeats < training.repeats:
        left_out[f"{training.repeats} repetitions of the folds"] = (
            f"{repeats} are enough for {rows} rows, or all that fit"
        )
    race_folds = (1, 2) if rows > _MANY_ROWS else (min(3, folds), folds)
    first = _race_rows(FIRST_RACE * learning, len(shapes) * race_folds[0] * _RACE_TREES * a_round, rows)
    second = max(first, _race_rows(SECOND_RACE * learning, 4 * race_folds[1] * _SECOND_TREES * a_round, rows))
    left_out |= recipes_left_out
    if first < rows and BOOSTING in (names or (BOOSTING,)):
        left_out["races on all rows"] = f"they look at {first} and {second} of {rows} rows"
    return TrainingPlan(
        seconds=training.seconds,
        work=round(learning, 3),
        folds=folds,
        repeats=repeats,
        race_rows=(first, second),
        race_folds=race_folds,
        finalists=2 if rows > _MANY_ROWS else 3,
        recipes=tuple(chosen),
        left_out=left_out,
    )


def _fold_count(shapes: Sequence[TreeShape], rows: int, width: work.TableWidth, most: int, room: float) -> int:
    """The most folds, from 3 on, on which two shapes of average work can grow 200 rounds."""
    for folds in range(most, 3, -1):
        learned = rows * (folds - 1) // folds
        each = float(np.mean([growth_work(shape, 200, learned, width) for shape in shapes]))
        if 2 * folds * each <= room:
            return folds
    return min(most, 3)


def _repeat_count(
    shapes: Sequence[TreeShape], rows: int, width: work.TableWidth, folds: int, most: int, room: float
) -> int:
    """The most repetitions that three shapes of average work can grow 400 rounds on."""
    allowed = next((times for limit, times in _REPEATED if rows <= limit), 1)
    learned = rows * (folds - 1) // folds
    each = float(np.mean([growth_work(shape, 400, learned, width) for shape in shapes]))
    return max(1, min(most, allowed, int(room / (3 * folds * each))))


def _race_rows(room: float, work_a_row: float, rows: int) -> int:
    return min(rows, max(_LEAST_ROWS, int(room / work_a_row)))


def _recipes_that_fit(
    recipes: Sequence[Recipe],
    names: Sequence[str],
    table: EncodedTable,
    fits: int,
    room: float,
) -> tuple[list[str], dict[str, str]]:
    """Names of the recipes within limits of rows and work, and why others are left out.

    What was named is tried in any case.
    """
    rows, columns, classes = len(table), scaled_columns(table), len(table.classes)
    chosen: list[str] = []
    left_out: dict[str, str] = {}
    for recipe in recipes:
        needed = (fits + 1) * recipe.work(rows, columns, classes)
        if recipe.name in names:
            chosen.append(recipe.name)
        elif recipe.max_rows is not None and rows > recipe.max_rows:
            left_out[recipe.name] = f"{rows} rows; it is tried on up to {recipe.max_rows}"
        elif needed > room:
            left_out[recipe.name] = f"it would take {needed:.0f} s of the {room:.0f} s that are left for it"
        else:
            chosen.append(recipe.name)
            room -= needed
    return chosen, left_out


def scaled_columns(table: EncodedTable) -> int:
    """Columns of the table once each category has one of its own."""
    more = sum(len(feature.categories) - 1 for feature in table.domain.features if feature.categories)
    width: int = table.derived.shape[1]
    return width + more
