from __future__ import annotations

import numpy as np

from schemas.domain import load_domain
from tests.models import table_of
from training.evaluation.segments import figures_by_segment, segments_of

HOUSING = load_domain("housing")


def test_segments_of_boston_are_river_highways_and_thirds_of_status() -> None:
    frame = table_of("housing").frame
    segments = segments_of(HOUSING, frame, frame)
    rows = {segment.name: len(segment.rows) for segment in segments}
    assert rows["CHAS 0"] == 471
    assert rows["CHAS 1"] == 35
    assert [segment.label for segment in segments if segment.column == "RAD"] == [
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "24",
    ]
    thirds = [segment for segment in segments if segment.column == "LSTAT"]
    assert len(thirds) == 3
    assert all(abs(len(segment.rows) - 506 / 3) < 5 for segment in thirds)
    for column in ("CHAS", "RAD", "LSTAT"):
        make_voting_estimator = np.concatenate([segment.rows for segment in segments if segment.column == column])
        assert sorted(make_voting_estimator.tolist()) == list(range(506)), "each row is in one segment by each feature"


def test_numbers_are_divided_at_quantiles_of_the_training_rows() -> None:
    train = table_of("housing").frame
    poor = train[train["LSTAT"] > 25]
    (segment,) = [segment for segment in segments_of(HOUSING, poor, train) if segment.column == "LSTAT"]
    assert len(segment.rows) == len(poor)
    assert segment.label.startswith("over")


def test_missing_values_are_a_segment_of_their_own() -> None:
    frame = table_of("housing").frame.copy()
    frame.loc[:9, ["CHAS", "LSTAT"]] = np.nan
    missing = [segment for segment in segments_of(HOUSING, frame, frame) if segment.label == "missing"]
    assert [(segment.column, len(segment.rows)) for segment in missing] == [("CHAS", 10), ("LSTAT", 10)]


def test_each_category_is_a_segment() -> None:
    table = table_of("obesity")
    names = {segment.name for segment in segments_of(table.domain, table.frame, table.frame)}
    assert {"Gender Female", "Gender Male", "MTRANS Walking"} <= names
    assert sum(name.startswith("Age ") for name in names) == 3


def test_each_segment_has_its_figures() -> None:
    table = table_of("housing")
    segments = segments_of(table.domain, table.frame, table.frame)
    figures = figures_by_segment(table.domain, segments, table.target, table.target + 2.0)
    assert {round(segment.figures["rmse"], 9) for segment in figures} == {2.0}
    assert sum(segment.rows for segment in figures if segment.name.startswith("CHAS")) == 506
