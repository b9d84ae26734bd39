"""The report on models: recipes side by side on the same folds, what a row costs, and whether that is enough."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, computed_field

from benchmarks.machine import Machine

MAX_US_PER_ROW = 10.0
MIN_GAIN = 0.05
"""On the best of the older recipes, as a share of its error."""
MIN_WON = 18 / 25
"""Share of the folds in which ours is better."""
MIN_CLASSES = 0.99
"""Accuracy and macro F1 to reach."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class ModelStanding(_Part):
    """One recipe on one table.

    Attributes:
        scores: the deciding metric of each fold.
        mean: of them.
        sd: of them.
        macro_f1: mean over folds; None for prices.
        us_per_row: what a row costs in a batch of 1,000, in microseconds.
        fit_s: seconds for fitting one fold.
        old_split: the deciding metric on the one split of the older systems: 80 to 20, seed 42.
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


class Versus(_Part):
    """Ours beside the best of the older recipes on the same folds; shares of the older one's mean."""

    ours: str
    older: str
    gain: float
    low: float
    high: float
    naive_low: float
    naive_high: float
    won: float


class Judgement(_Part):
    """All recipes on one table."""

    domain: str
    source: str
    rows: int
    folds: int
    repeats: int
    metric: str
    standings: tuple[ModelStanding, ...]
    versus: Versus

    @property
    def chosen(self) -> ModelStanding:
        """The one of ours by which the goals are judged."""
        return next(one for one in self.standings if one.title == self.versus.ours)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def is_good(self) -> bool:
        """Whether the goals are reached."""
        ours = self.chosen
        if ours.macro_f1 is not None:
            enough = min(ours.mean, ours.macro_f1) >= MIN_CLASSES
        else:
            enough = self.versus.gain >= MIN_GAIN and self.versus.won >= MIN_WON
        return enough and ours.us_per_row <= MAX_US_PER_ROW


class ModelsReport(_Part):
    """The tables, and where and when they were judged."""

    made_at: datetime
    machine: Machine
    tables: tuple[Judgement, ...]

    @property
    def is_good(self) -> bool:
        """Whether all goals are reached."""
        return all(table.is_good for table in self.tables)


def report_of(tables: list[Judgement], machine: Machine) -> ModelsReport:
    """The report, made now."""
    return ModelsReport(made_at=datetime.now(UTC), machine=machine, tables=tuple(tables))
