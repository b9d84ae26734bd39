"""Packing and unpacking of the window's rows."""

from __future__ import annotations

import numpy as np
import pytest

from consumer.batch import pack_rows
from schemas.domain import domain_of, load_domain
from schemas.window import layout_of, row_dtype, unpack_rows

HOUSING = load_domain("housing")


def test_packed_rows_are_read_back() -> None:
    matrix = np.random.default_rng(7).uniform(size=(3, 13))
    matrix[1, 4] = np.nan
    ids, predictions = [b"1795219101518-0", b"1795219101518-1", b"18446744073709551615-9"], np.array([1.5, -2.0, 1e9])
    packed = pack_rows(row_dtype(HOUSING), ids, matrix, predictions)
    rows = unpack_rows(HOUSING, {b"rows": packed, b"layout": layout_of(HOUSING).encode()})
    assert [f"{row['ms']}-{row['seq']}".encode() for row in rows] == ids
    np.testing.assert_array_equal(rows["prediction"], predictions)
    np.testing.assert_array_equal(rows["features"], matrix.astype(np.float32))


def test_a_row_has_a_fixed_width() -> None:
    assert row_dtype(HOUSING).itemsize == 3 * 8 + 13 * 4
    assert pack_rows(row_dtype(HOUSING), [], np.empty((0, 13)), np.empty(0)) == b""


def test_rows_of_another_layout_are_rejected() -> None:
    with pytest.raises(ValueError, match=f"not {layout_of(HOUSING)}"):
        unpack_rows(HOUSING, {b"rows": b"", b"layout": layout_of(load_domain("obesity")).encode()})


def test_the_layout_depends_only_on_columns_and_categories() -> None:
    assert layout_of(HOUSING) == layout_of(domain_of(HOUSING.contract, may_miss=("RM",)))
    assert layout_of(HOUSING) != layout_of(load_domain("obesity"))
