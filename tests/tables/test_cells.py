"""The meaning of a cell: gaps, numbers, texts."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tables.cells import UndecidedNumberError, is_gap, read_number, text_of


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("12.5", 12.5), (" 12.5 ", 12.5), ("\u00a012.5", 12.5), ("+3", 3.0), ("-.5", -0.5), ("3.", 3.0),
        ("1e3", 1000.0), ("1E-3", 0.001), ("1,234.5", 1234.5), ("1,234,567", 1234567.0), ("-1,234,567.25", -1234567.25),
        ("1e999", math.inf), ("inf", math.inf), (-math.inf, -math.inf), (10**400, math.inf),
        (7, 7.0), (np.int32(7), 7.0), (np.float32(0.5), 0.5), (Decimal("7.5"), 7.5),
    ],
)  # fmt: skip
def test_these_are_numbers(cell: Any, number: float) -> None:
    assert read_number(cell) == number


@pytest.mark.parametrize(
    "cell",
    ["", "1,23,456", "1 234", "٣", "nan", "true", "12 %", "0x1f", "1_000", "1.2.3", True, np.True_, None, (), b"1"],
)
def test_these_are_not_numbers(cell: Any) -> None:
    assert read_number(cell) is None


@pytest.mark.parametrize(
    ("text", "with_point", "with_comma"),
    [
        ("1,234", 1234.0, 1.234),
        ("12,5", None, 12.5),
        (",5", None, 0.5),
        ("1.234,5", None, 1234.5),
        ("1.234.567", None, 1234567.0),
        ("-1,5e3", None, -1500.0),
    ],
)
def test_what_depends_on_the_decimal_separator_is_an_error_without_one(
    text: str, with_point: float | None, with_comma: float
) -> None:
    with pytest.raises(UndecidedNumberError, match=r"--decimal , or --decimal \."):
        read_number(text)
    assert read_number(text, ".") == with_point
    assert read_number(text, ",") == with_comma


def test_a_decimal_comma_makes_points_separate_thousands() -> None:
    assert [read_number(text, ",") for text in ("12", "12.5", "1.234", "1.234,5")] == [12, None, 1234, 1234.5]


@pytest.mark.parametrize(
    "cell", ["", " ", "NA", "nan", "NaN", "null", "None", "?", "#N/A", None, math.nan, pd.NA, pd.NaT]
)
def test_these_are_gaps(cell: Any) -> None:
    assert is_gap(cell)


@pytest.mark.parametrize("cell", ["-", "none of these", "0", 0, False, "unknown", [], math.inf])
def test_these_are_no_gaps(cell: Any) -> None:
    assert not is_gap(cell)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("True", [True, "true", "TRUE", " True ", np.True_]),
        ("1", [1, 1.0, "1", "1.0", "+1", np.int64(1), Decimal("1.00")]),
        ("0.5", [0.5, "0.50", ".5", Decimal("0.5")]),
        ("007", ["007"]),
        ("1E5", ["1E5"]),
        ("2026-11-28", [dt.date(2026, 11, 28), dt.datetime(2026, 11, 28), "2026-11-28"]),  # noqa: DTZ001 - as in a file
        ("2026-11-28 09:30:00", [dt.datetime(2026, 11, 28, 9, 30)]),  # noqa: DTZ001
        ("<=50K", ["<=50K", " <=50K"]),
        ('{"a": 1}', [{"a": 1}]),
        ("é", ["é".encode()]),
    ],
)
def test_one_value_is_one_text_however_it_is_written(text: str, cells: list[Any]) -> None:
    assert [text_of(cell) for cell in cells] == [text] * len(cells)


def test_a_whole_number_beyond_the_precision_of_a_float_keeps_its_digits() -> None:
    assert text_of("12345678901234567891") == "12345678901234567891"
    assert text_of(12345678901234567891) == "12345678901234567891"
