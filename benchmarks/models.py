"""The report of a comparison of our training with recipes: scores, cost per row, and whether the goals are reached."""

from __future__ import annotations

from datetime import datetime

from pydantic import computed_field

from schemas.frozen_model import FrozenModel
from tasador.bench.machine import Machine

MAX_US_PER_ROW = 10.0
MIN_GAIN = 0.05
"""Improvement over the best older recipe, as a share of its error."""
MIN_WON = 18 / 25
"""Share of the folds in which ours must be better."""
MIN_CLASSES = 0.99
"""Accuracy and macro F1 to reach."""


class ModelStanding(FrozenModel):
    """One recipe, or our training, on one table.

    Attributes:
        scores: the deciding metric of each fold.
        mean: of the scores; so is `sd`.
        macro_f1: mean over folds; None for numbers.
        us_per_row: cost of a row in a batch of 1,000, in microseconds; of our training, that of its dearest model.
        fit_s: seconds of one fold.
        old_split: the deciding metric on the single split of the older systems: 80 to 20, seed 42.
    """

    title: str
    is_ours: bool
    scores: tuple[float, ...]
    mean: float
    sd: float
    macro_f1: float | None
    us_per_row: float
    fit_s: float
    old_split: float


class RecipeComparison(FrozenModel):
    """Ours compared with the best older recipe on the same folds, in shares of the older one's mean."""

    ours: str
    older: str
    gain: float
    low: float
    high: float
    naive_low: float
    naive_high: float
    won: float


class TableComparison(FrozenModel):
    """All contenders on one table.

    Attributes:
        metric: of the goals.
        seconds: budget of our training on each fold.
    """

    domain: str
    source: str
    rows: int
    folds: int
    repeats: int
    metric: str
    seconds: float
    standings: tuple[ModelStanding, ...]
    versus: RecipeComparison

    @property
    def chosen(self) -> ModelStanding:
        """Ours, which must reach the goals."""
        return next(standing for standing in self.standings if standing.title == self.versus.ours)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def is_good(self) -> bool:
        """Whether the goals are reached."""
        ours = self.chosen
        if ours.macro_f1 is not None:
            is_accurate = min(ours.mean, ours.macro_f1) >= MIN_CLASSES
        else:
            is_accurate = self.versus.gain >= MIN_GAIN and self.versus.won >= MIN_WON
        return is_accurate and ours.us_per_row <= MAX_US_PER_ROW


class ModelsReport(FrozenModel):
    """All tables, and when and where the recipes were compared."""

    made_at: datetime
    machine: Machine
    tables: tuple[TableComparison, ...]

    @property
    def is_good(self) -> bool:
        """Whether all goals are reached."""
        return all(table.is_good for table in self.tables)
