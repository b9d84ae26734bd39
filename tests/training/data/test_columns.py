from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from schemas.errors import DataError
from tables.values import category_reader, number_reader
from training.data.columns import numbers_in, read_column


def test_a_column_of_numbers_and_gaps_becomes_floats() -> None:
    read = read_column(pd.Series([" 1 ", None, np.nan, "2.5", "NA"], dtype=object), number_reader("a"), "t")
    assert read.dtype == np.float64
    np.testing.assert_array_equal(read, [1, np.nan, np.nan, 2.5, np.nan])
    whole = read_column(pd.Series([1, None], dtype="Int64"), number_reader("a"), "t")
    np.testing.assert_array_equal(whole, [1, np.nan])


def test_unreadable_cells_stay_as_text() -> None:
    read = read_column(pd.Series([" 1 ", "many", None, True, np.inf]), number_reader("a"), "t")
    assert read.tolist() == [1.0, "many", None, "True", "inf"]
    np.testing.assert_array_equal(numbers_in(read), [1, np.nan, np.nan, np.nan, np.nan])


def test_text_only_loses_surrounding_blanks() -> None:
    read = read_column(pd.Series([" yes", "no", None]), category_reader(("yes", "no")), "t")
    assert read.tolist() == ["yes", "no", None]


def test_an_undecided_number_is_named_with_its_row_and_column() -> None:
    with pytest.raises(DataError, match=r"homes\.csv row 2, column 'area': '1,234' .* --decimal , or --decimal \."):
        read_column(pd.Series(["1", "1,234"]), number_reader("area"), "homes.csv")
