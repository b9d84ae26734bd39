from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from training.data.parsing import numbers_in, read_column, read_number


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("12.5", 12.5), (" 12.5 ", 12.5), ("\u00a012.5", 12.5), ("+3", 3.0), ("-.5", -0.5), ("3.", 3.0),
        ("1e3", 1000.0), ("1E-3", 0.001), ("1,234.5", 1234.5), ("1,234,567", 1234567.0), ("-1,234,567.25", -1234567.25),
        ("1e999", math.inf), (7, 7.0), (np.int32(7), 7.0), (Decimal("7.5"), 7.5),
    ],
)  # fmt: skip
def test_these_are_numbers(cell: Any, number: float) -> None:
    assert read_number(cell) == number


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "1,234",
        "12,5",
        "1,23,456",
        "1 234",
        "٣",
        "inf",
        "nan",
        "true",
        "12 %",
        "0x1f",
        "1_000",
        "1.2.3",
        True,
        None,
        (),
    ],
)
def test_these_are_not_numbers(cell: Any) -> None:
    assert read_number(cell) is None


def test_a_column_of_numbers_and_gaps_becomes_floats() -> None:
    read = read_column(pd.Series([" 1 ", None, np.nan, "2.5"], dtype=object), is_text=False)
    assert read.dtype == np.float64
    np.testing.assert_array_equal(read, [1, np.nan, np.nan, 2.5])
    whole = read_column(pd.Series([1, None], dtype="Int64"), is_text=False)
    np.testing.assert_array_equal(whole, [1, np.nan])


def test_unreadable_cells_stay_unchanged() -> None:
    read = read_column(pd.Series([" 1 ", "many", None, True]), is_text=False)
    assert read.tolist() == [1.0, "many", None, True]
    np.testing.assert_array_equal(numbers_in(read), [1, np.nan, np.nan, np.nan])


def test_text_only_loses_surrounding_blanks() -> None:
    assert read_column(pd.Series([" yes", "no", None]), is_text=True).tolist()[:2] == ["yes", "no"]
