"""The matrix is the same for listings and for tables."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from schemas.decoding import ListingDecoder
from schemas.domain import Domain, domain_of, load_domain
from schemas.features import Features, Number, Target, feature
from schemas.rows import LARGEST, Matrix, RowBuilder
from schemas.sections import LimitSettings
from tests.listings import Row, listing
from training.learning.encoding import encoder

HOUSING, OBESITY = load_domain("housing"), load_domain("obesity", may_miss=("Gender", "MTRANS", "Age"))
PERSON: Row = {f.column: f.categories[0] if f.categories else f.ge for f in OBESITY.features}


def _matrix(domain: Domain, rows: list[Row]) -> Matrix:
    decoder = ListingDecoder(domain, LimitSettings())
    return RowBuilder(domain).matrix([decoder.decode(listing(row, "l-1")) for row in rows])


def test_the_matrix_of_listings_equals_that_of_the_table(boston_rows: list[Row]) -> None:
    matrix = _matrix(HOUSING, boston_rows)
    assert matrix.shape == (506, 13)
    assert matrix.dtype == np.float64
    np.testing.assert_array_equal(matrix, pd.DataFrame(boston_rows).to_numpy(dtype=np.float32))
    shuffled = pd.DataFrame(boston_rows)[list(reversed(HOUSING.columns))].assign(MEDV=0.0)
    np.testing.assert_array_equal(matrix, RowBuilder(HOUSING).matrix_of_frame(shuffled))


def test_gaps_are_nan_in_both(boston_rows: list[Row]) -> None:
    rows = [boston_rows[0] | {"CRIM": None, "CHAS": None}, boston_rows[1], boston_rows[2] | {"LSTAT": None}]
    matrix = _matrix(HOUSING, rows)
    np.testing.assert_array_equal(matrix, RowBuilder(HOUSING).matrix_of_frame(pd.DataFrame(rows)))
    assert RowBuilder(HOUSING).named(np.isnan(matrix)) == {0: ["CRIM", "CHAS"], 2: ["LSTAT"]}


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA])
def test_categories_are_codes_in_both(gap: Any) -> None:
    rows = [PERSON, PERSON | {"Gender": "Male", "CAEC": "Always"}, PERSON | {"Gender": None, "MTRANS": None}]
    matrix = _matrix(OBESITY, rows)
    gender, caec = OBESITY.columns.index("Gender"), OBESITY.columns.index("CAEC")
    assert matrix[:2, gender].tolist() == [0.0, 1.0]
    assert matrix[:, caec].tolist() == [0.0, 3.0, 0.0]
    assert np.isnan(matrix[2, gender])
    table = pd.DataFrame([{k: gap if v is None else v for k, v in row.items()} for row in rows])
    np.testing.assert_array_equal(matrix, RowBuilder(OBESITY).matrix_of_frame(table))


def test_an_undeclared_category_of_a_table_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="Teleport"):
        RowBuilder(OBESITY).matrix_of_frame(pd.DataFrame([PERSON | {"MTRANS": "Teleport"}]))


def test_a_missing_column_of_a_table_is_a_key_error(boston_rows: list[Row]) -> None:
    with pytest.raises(KeyError, match="NOX"):
        RowBuilder(HOUSING).matrix_of_frame(pd.DataFrame(boston_rows).drop(columns="NOX"))


def test_no_listings_give_a_matrix_without_rows() -> None:
    assert RowBuilder(HOUSING).matrix([]).shape == (0, 13)


def test_a_listing_decoded_by_the_contract_has_the_same_row(boston_rows: list[Row]) -> None:
    decoder = ListingDecoder(HOUSING, LimitSettings())
    payload = json.dumps({"id": "l-1", "data": boston_rows[0]}).encode()
    matrix = RowBuilder(HOUSING).matrix([decoder.decode(payload), decoder.decode_by_contract(payload)])
    np.testing.assert_array_equal(matrix[0], matrix[1])


def test_values_outside_the_training_range_are_named(boston_rows: list[Row]) -> None:
    builder, matrix = RowBuilder(HOUSING), _matrix(HOUSING, boston_rows[:100])
    low, high = matrix.min(axis=0), matrix.max(axis=0)
    assert builder.named((matrix < low) | (matrix > high)) == {}
    odd = matrix[:2].copy()
    odd[1, HOUSING.columns.index("RM")] = 14.0
    odd[1, HOUSING.columns.index("CRIM")] = np.nan
    assert builder.named((odd < low) | (odd > high)) == {1: ["RM"]}


class Amounts(Features):
    """A domain of very large numbers."""

    name: ClassVar[str] = "amounts"
    target: ClassVar[Target] = Target("total", unit="euro")

    first: Number = feature(ge=-1e300, le=1e300, unit="euro", description="any amount")
    second: Number | None = feature(ge=-1e300, le=1e300, unit="euro", description="any amount")


def test_numbers_are_rounded_to_32_bits_and_those_beyond_are_cut_in_listings_tables_and_pipelines() -> None:
    rows: list[Row] = [{"first": 0.1, "second": 16777217}, {"first": 1e300, "second": -4e38}, {"first": 1.0}]
    domain = domain_of(Amounts)
    matrix = _matrix(domain, rows)
    expected = [[np.float32(0.1), 16777216], [LARGEST, -LARGEST], [1.0, np.nan]]
    np.testing.assert_array_equal(matrix, np.array(expected, dtype=np.float64))
    np.testing.assert_array_equal(_matrix(domain, rows[:1]), matrix[:1])
    frame = pd.DataFrame(rows, columns=list(domain.columns))
    np.testing.assert_array_equal(RowBuilder(domain).matrix_of_frame(frame), matrix)
    np.testing.assert_array_equal(encoder(domain).fit_transform(frame), matrix)
