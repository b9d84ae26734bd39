"""Small tables with gaps and categories for tests of trainings: numbers, three classes, and two, one of them rare."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from schemas.domain import domain_of
from schemas.features import Features, Number, Target, feature
from schemas.settings import Settings, load_settings
from training.data.tables import Table

RARE_SHARE = 0.06
Quarter = Literal["harbour", "hill", "old town", "station"]


class _Flat(Features):
    area: Number = feature(ge=0, le=500, unit="m²", description="area")
    age: Number | None = feature(ge=0, le=300, unit="years", description="age of the house")
    floor: Number = feature(ge=0, le=50, unit="", description="floor")
    quarter: Quarter = feature(unit="", description="quarter")
    heating: Literal["gas", "oil", "none"] | None = feature(unit="", description="heating")


class Rents(_Flat):
    """A regression."""

    name: ClassVar[str] = "rents"
    target: ClassVar[Target] = Target("rent", unit="euros")


class RentLevels(_Flat):
    """Three classes."""

    name: ClassVar[str] = "rent_levels"
    target: ClassVar[Target] = Target("level", classes=("low", "middle", "high"))


class RareVacancies(_Flat):
    """Two classes, of which one is rare."""

    name: ClassVar[str] = "rare_vacancies"
    target: ClassVar[Target] = Target("vacant", classes=("no", "yes"))


def made_up_table(contract: type[Features], rows: int = 150, seed: int = 3) -> Table:
    """A table of flats whose target follows from its features, with some noise."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "area": rng.uniform(20, 150, rows).round(1),
            "age": rng.uniform(0, 120, rows).round(0),
            "floor": rng.integers(0, 9, rows).astype(float),
            "quarter": rng.choice(["harbour", "hill", "old town", "station"], rows),
            "heating": rng.choice(np.array(["gas", "oil", "none"], dtype=object), rows),
        }
    )
    levels = frame["quarter"].map({"harbour": 1.4, "hill": 1.2, "old town": 1.0, "station": 0.8}).to_numpy()
    rent = 60 + 9 * frame["area"].to_numpy() * levels - 2 * frame["age"].to_numpy() + rng.normal(0, 40, rows)
    frame.loc[rng.random(rows) < 0.1, "age"] = np.nan
    frame.loc[rng.random(rows) < 0.1, "heating"] = None
    rank = np.argsort(np.argsort(rent))
    classes = contract.target.classes
    if len(classes) == 2:
        target = np.where(rank >= round(rows * (1 - RARE_SHARE)), "yes", "no")
    else:
        target = np.array(classes)[rank * len(classes) // rows] if classes else rent
    return Table(domain_of(contract), frame, target, np.arange(rows), "made up")


def permuted(table: Table, seed: int = 5) -> Table:
    """The table with its targets in another order."""
    return replace(table, target=np.random.default_rng(seed).permutation(table.target))


def settings_for(seconds: float = 2.0, max_us_per_row: float = 1000.0, **training: object) -> Settings:
    """Settings with a small budget, a few folds and no plots."""
    settings = load_settings()
    small = {"seconds": seconds, "folds": 3, "repeats": 1, "report": "figures"}
    return settings.model_copy(
        update={
            "swap": settings.swap.model_copy(update={"max_us_per_row": max_us_per_row}),
            "training": settings.training.model_copy(update=small | training),
        }
    )
