"""Cells as values of a declared feature, target or id."""

from __future__ import annotations

import math
from typing import Any

import pytest

from schemas.errors import DataError
from tables.values import category_reader, number_reader, read_id


def test_numbers_are_the_same_from_text_and_from_typed_cells() -> None:
    read = number_reader("a")
    assert [read(cell) for cell in ("7", "7.0", 7, 7.0, " 7 ", "7,000.5")] == [7, 7, 7, 7, 7, 7000.5]
    assert [read(cell) for cell in ("NA", "", None, math.nan)] == [None] * 4
    assert [read(cell) for cell in ("many", True, [1])] == ["many", "True", "[1]"]


def test_whole_numbers_become_integers_for_an_integer_feature() -> None:
    values = [number_reader("a", is_whole=True)(cell) for cell in ("3", "3.0", 3.0, "0.5")]
    assert [(value, type(value)) for value in values] == [(3, int), (3, int), (3, int), (0.5, float)]


def test_infinity_is_not_readable_in_any_format() -> None:
    assert [number_reader("a")(cell) for cell in ("inf", math.inf, "1e999")] == ["inf", "inf", "1e999"]


def test_an_undecided_number_names_its_column() -> None:
    with pytest.raises(DataError, match=r"column 'area': '1,234' has another value with a decimal comma"):
        number_reader("area")(" 1,234")
    assert number_reader("area", ",")("1,234") == 1.234


@pytest.mark.parametrize(
    ("declared", "cells", "values"),
    [
        (("BW", "NA", "ZA"), ["NA", " NA", "ZA", "", None], ["NA", "NA", "ZA", None, None]),
        (("0", "1"), ["0.0", 0, 0.0, "1", 1.0, True], ["0", "0", "0", "1", "1", "True"]),
        (("False", "True"), [True, "TRUE", "false", 1], ["True", "True", "False", "1"]),
        (("yes", "no"), ["yes", "YES", "nan", "maybe"], ["yes", "YES", None, "maybe"]),
        (("1.0", "2.0"), ["1", 2, "2.00"], ["1.0", "2.0", "2.0"]),
    ],
)
def test_a_declared_text_wins_over_gap_marks_and_spelling(
    declared: tuple[str, ...], cells: list[Any], values: list[Any]
) -> None:
    read = category_reader(declared)
    assert [read(cell) for cell in cells] == values
    assert [read(cell) for cell in cells] == values


def test_ids_are_text() -> None:
    assert [read_id(cell) for cell in (" a ", "007", 7, 7.0, None, math.nan, "NA")] == [
        "a", "007", "7", "7", None, None, "NA",
    ]  # fmt: skip
