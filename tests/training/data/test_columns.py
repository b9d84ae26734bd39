from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from schemas.errors import DataError
from training.data.columns import column_reader, numbers_in


def test_a_column_of_numbers_and_gaps_becomes_floats() -> None:
    read = column_reader("a").read(pd.Series([" 1 ", None, np.nan, "2.5", "NA"], dtype=object), "t")
    assert read.dtype == np.float64
    np.testing.assert_array_equal(read, [1, np.nan, np.nan, 2.5, np.nan])
    whole = column_reader("a").read(pd.Series([1, None], dtype="Int64"), "t")
    np.testing.assert_array_equal(whole, [1, np.nan])


def test_unreadable_cells_stay_as_text() -> None:
    read = column_reader("a").read(pd.Series([" 1 ", "many", None, True, np.inf]), "t")
    assert read.tolist() == [1.0, "many", None, "True", "inf"]
    np.testing.assert_array_equal(numbers_in(read), [1, np.nan, np.nan, np.nan, np.nan])


def test_text_only_loses_surrounding_blanks() -> None:
    read = column_reader("a", ("yes", "no")).read(pd.Series([" yes", "no", None]), "t")
    assert read.tolist() == ["yes", "no", None]


def test_an_undecided_number_is_named_with_its_row_and_column() -> None:
    with pytest.raises(DataError, match=r"homes\.csv row 2, column 'area': '1,234' .* --decimal , or --decimal \."):
        column_reader("area").read(pd.Series(["1", "1,234"]), "homes.csv")


@pytest.mark.parametrize(
    "cells",
    [
        ["1", "2.50", "-3e5", ".5", "1.", "0012", "+7", "4.9e-324", "0.1", "123456789.123456789"],
        ["1", "", "NA", "?", "2"],
        ["1", " 2", "3 "],
        ["nan", "1"],
        ["1", "inf"],
        ["1", "1_000"],
        ["1", "0x10"],
        ["1", "many"],
        ["1", "1e999"],
        ["1", "1e-999"],
        ["1", "1,234.5"],
        [None, None],
    ],
)
def test_a_column_that_is_read_at_once_is_the_same_as_cell_by_cell(cells: list[str | None]) -> None:
    reader = column_reader("a")
    at_once = reader.read(pd.Series(cells, dtype="str"), "t")
    cell_by_cell = reader.read(pd.Series(cells, dtype=object), "t")
    pd.testing.assert_series_equal(at_once, cell_by_cell, check_exact=True)


def test_a_comma_that_begins_the_fraction_is_never_read_as_a_point() -> None:
    read = column_reader("a", decimal=",").read(pd.Series(["1.234", "1,5"], dtype="str"), "t")
    assert read.tolist() == [1234, 1.5]
