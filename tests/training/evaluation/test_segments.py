from __future__ import annotations

import numpy as np

from schemas.domain import load_domain
from tests.models import table_of
from training.evaluation.segments import figures_by_part, parts_of

HOUSING = load_domain("housing")


def test_parts_of_boston_are_river_highways_and_thirds_of_status() -> None:
    frame = table_of("housing").frame
    parts = parts_of(HOUSING, frame, frame)
    rows = {part.name: len(part.rows) for part in parts}
    assert rows["CHAS 0"] == 471
    assert rows["CHAS 1"] == 35
    assert [part.label for part in parts if part.column == "RAD"] == ["1", "2", "3", "4", "5", "6", "7", "8", "24"]
    thirds = [part for part in parts if part.column == "LSTAT"]
    assert len(thirds) == 3
    assert all(abs(len(part.rows) - 506 / 3) < 5 for part in thirds)
    for column in ("CHAS", "RAD", "LSTAT"):
        together = np.concatenate([part.rows for part in parts if part.column == column])
        assert sorted(together.tolist()) == list(range(506)), "each row is in one part of each segment"


def test_numbers_are_cut_where_the_training_rows_say() -> None:
    learn = table_of("housing").frame
    poor = learn[learn["LSTAT"] > 25]
    (part,) = [part for part in parts_of(HOUSING, poor, learn) if part.column == "LSTAT"]
    assert len(part.rows) == len(poor)
    assert part.label.startswith("over")


def test_missing_values_are_a_part_of_their_own() -> None:
    frame = table_of("housing").frame.copy()
    frame.loc[:9, ["CHAS", "LSTAT"]] = np.nan
    missing = [part for part in parts_of(HOUSING, frame, frame) if part.label == "missing"]
    assert [(part.column, len(part.rows)) for part in missing] == [("CHAS", 10), ("LSTAT", 10)]


def test_categories_are_parts_by_their_names() -> None:
    table = table_of("obesity")
    names = {part.name for part in parts_of(table.domain, table.frame, table.frame)}
    assert {"Gender Female", "Gender Male", "MTRANS Walking"} <= names
    assert sum(name.startswith("Age ") for name in names) == 3


def test_each_part_has_its_figures() -> None:
    table = table_of("housing")
    parts = parts_of(table.domain, table.frame, table.frame)
    found = figures_by_part(table.domain, parts, table.target, table.target + 2.0)
    assert {round(part.figures["rmse"], 9) for part in found} == {2.0}
    assert sum(part.rows for part in found if part.name.startswith("CHAS")) == 506
