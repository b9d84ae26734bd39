"""Reads a whole table into a DataFrame, with the same cells as row by row.

A column is float64 if all its cells are numbers of a typed format, else text; both mean the same to `tables.cells`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import DataError
from tables.cells import is_gap, text_of
from tables.columns import read_cells
from tables.opening import open_table
from tables.options import DEFAULT_OPTIONS, TableOptions
from tables.rows import TableRow

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_CHUNK_ROWS = 10_000


def read_frame(path: Path, options: TableOptions = DEFAULT_OPTIONS) -> tuple[pd.DataFrame, list[str]]:
    """Read a table.

    Args:
        path: of the file.
        options: columns to rename and to skip.

    Returns:
        The columns of the file, and what a user should know about the way it was read, one line each.

    Raises:
        ConfigurationError: the format needs a package that is not installed.
        DataError: the file cannot be read as a table, or has no rows.
    """
    import pyarrow as pa

    table = open_table(path, options)
    chunks: dict[str, list[pa.Array]] = {name: [] for name in table.columns or ()}
    count = 0
    for rows in _chunks(iter(table)):
        for name in dict.fromkeys(name for row in rows for name in row.cells) if table.columns is None else chunks:
            before = chunks.setdefault(name, [])
            if not before and count:
                before.append(pa.nulls(count))
            before.append(_array([row.cells.get(name) for row in rows]))
        count += len(rows)
        for arrays in chunks.values():
            if (missing := count - sum(map(len, arrays))) > 0:
                arrays.append(pa.nulls(missing))
    if not count:
        raise DataError(f"{path}: has no rows")
    columns = {name: _joined(arrays) for name, arrays in chunks.items()}
    return pa.table(columns).to_pandas(), table.notes


def read_typed_frame(path: Path, options: TableOptions = DEFAULT_OPTIONS) -> tuple[pd.DataFrame, list[str]]:
    """Read a table whose columns no domain declares: a column of numbers is float64, any other is text.

    Arguments and result are those of `read_frame`.

    Raises:
        DataError: as `read_frame`, or a number depends on the decimal separator; the message names row and column.
    """
    import pandas as pd

    frame, notes = read_frame(path, options)
    columns: dict[str, pd.Series[Any]] = {}
    for name, column in frame.items():
        if column.dtype.kind == "f":
            columns[str(name)] = column
            continue
        cells = read_cells(str(name), column.tolist(), path, options.decimal)
        is_text = any(isinstance(cell, str) for cell in cells)
        columns[str(name)] = pd.Series(cells, dtype="str" if is_text else "float64")
    return pd.DataFrame(columns), notes


def _chunks(rows: Iterator[TableRow]) -> Iterator[list[TableRow]]:
    while chunk := list(islice(rows, _CHUNK_ROWS)):
        yield chunk


def _array(cells: list[Any]) -> pa.Array:
    """Cells as an array of doubles, text or nulls."""
    import pyarrow as pa

    kinds = set(map(type, cells)) - {type(None)}
    if not kinds:
        return pa.nulls(len(cells))
    if kinds <= {int, float}:
        return pa.array([None if cell is None else float(cell) for cell in cells], pa.float64())
    texts = (cell if type(cell) is str else None if is_gap(cell) else text_of(cell) for cell in cells)
    return pa.array(list(texts), pa.string())


def _joined(arrays: list[pa.Array]) -> pa.ChunkedArray:
    import pyarrow as pa

    if any(pa.types.is_string(array.type) for array in arrays):
        return pa.chunked_array([_texts(array) for array in arrays], pa.string())
    return pa.chunked_array([array.cast(pa.float64()) for array in arrays], pa.float64())


def _texts(numbers: pa.Array) -> pa.Array:
    import pyarrow as pa

    if not pa.types.is_floating(numbers.type):
        return numbers.cast(pa.string())
    texts = (None if cell is None or math.isnan(cell) else text_of(cell) for cell in numbers.to_pylist())
    return pa.array(list(texts), pa.string())
