"""Builds the matrix that every model takes, from decoded listings or from a table.

A matrix is float64 of shape (n, features): columns in the domain's order, NaN for gaps, a category as the position of
its value among the declared ones. Listings and tables use the same codes. Numbers are rounded to 32 bits, in training
and in serving: trees compare 32 bits, and so a row goes the same way in every library that scores it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import starmap
from operator import attrgetter
from struct import Struct
from struct import error as StructError  # noqa: N812 - it is a class
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.decoding import DecodedListing
from schemas.domain import Domain

if TYPE_CHECKING:
    import pandas as pd

Matrix = NDArray[np.float64]
LARGEST = float(np.finfo(np.float32).max)
"""Numbers beyond this, about 3.4e38, count as this."""
_astuple = msgspec.structs.astuple
_data_of = attrgetter("data")


class RowBuilder:
    """Builds matrices of one domain."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._codes: list[tuple[int, dict[Any, float]]] = [
            (position, {None: np.nan} | {value: float(code) for code, value in enumerate(feature.categories)})
            for position, feature in enumerate(domain.features)
            if feature.categories
        ]
        self._pack = Struct(f"{len(domain.features)}f").pack

    def matrix(self, listings: Sequence[DecodedListing]) -> Matrix:
        """The matrix (n, features) of decoded listings."""
        if not listings:
            return np.empty((0, len(self._domain.features)))
        try:
            # takes a third of the time that numpy takes to convert each number; all rows at once would not stay in the
            # processor's cache
            packed = bytearray().join(starmap(self._pack, self._rows(listings)))
        except (StructError, OverflowError):  # a gap, or a number beyond `LARGEST`
            return round_to_float32(np.array(list(self._rows(listings)), dtype=np.float64))
        return np.frombuffer(packed, dtype=np.float32).astype(np.float64).reshape(len(listings), -1)

    def _rows(self, listings: Sequence[DecodedListing]) -> Iterator[Sequence[Any]]:
        rows = map(_astuple, map(_data_of, listings))
        return map(self._coded, rows) if self._codes else rows

    def _coded(self, row: Sequence[Any]) -> list[Any]:
        coded = list(row)
        for position, codes in self._codes:
            coded[position] = codes[coded[position]]
        return coded

    def matrix_of_frame(self, frame: pd.DataFrame) -> Matrix:
        """The matrix (n, features) of a table with the domain's columns, in any order.

        Raises:
            KeyError: a column is missing, or a category has a value that the domain does not declare.
        """
        columns: list[NDArray[np.float64]] = []
        codes = dict(self._codes)
        for position, feature in enumerate(self._domain.features):
            series = frame[feature.column]
            if position in codes:
                values = [codes[position][None if value != value else value] for value in series.tolist()]  # noqa: PLR0124 - NaN
                columns.append(np.array(values, dtype=np.float64))
            else:
                columns.append(series.to_numpy(dtype=np.float64, na_value=np.nan))
        return round_to_float32(np.column_stack(columns))

    def matrix_of_columns(self, columns: Mapping[str, Sequence[Any]]) -> Matrix:
        """The matrix (n, features) of columns by name, None for gaps; without pandas.

        Raises:
            KeyError: as `matrix_of_frame`.
        """
        codes = dict(self._codes)
        coded = [
            [codes[position][value] for value in columns[feature.column]]
            if position in codes
            else columns[feature.column]
            for position, feature in enumerate(self._domain.features)
        ]
        return round_to_float32(np.array(coded, dtype=np.float64).T)

    def named(self, mask: NDArray[np.bool_]) -> dict[int, list[str]]:
        """Row number -> names of the features that a mask (n, features) marks; without rows that have none."""
        names: dict[int, list[str]] = {}
        if not mask.any():
            return names
        for row, column in zip(*np.nonzero(mask), strict=True):
            names.setdefault(int(row), []).append(self._domain.columns[column])
        return names


def round_to_float32(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """The numbers with the precision of 32 bits, in an array of their own; those beyond `LARGEST` become that."""
    with np.errstate(over="ignore"):
        narrow = numbers.astype(np.float32)
    if not np.isfinite(narrow).all():
        np.clip(narrow, -LARGEST, LARGEST, out=narrow)
    return narrow.astype(np.float64)


def derived_columns(matrix: Matrix, powers: Sequence[Mapping[int, float]]) -> Matrix:
    """Products of powers of columns (n, derived), rounded as the matrix is.

    Args:
        matrix: (n, columns).
        powers: for each derived column, the position of a column -> its exponent.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        columns = [np.prod([matrix[:, at] ** power for at, power in each.items()], axis=0) for each in powers]
    return round_to_float32(np.column_stack([np.empty((len(matrix), 0)), *columns]))
