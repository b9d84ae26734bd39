"""Reads a whole table into a DataFrame, with the same cells as row by row.

A column is float64 if all its cells are numbers of a typed format, else text; both mean the same to `tables.cells`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from schemas.errors import DataError
from tables.cells import is_gap, text_of
from tables.columns import read_cells
from tables.csv_file import CsvFile
from tables.opening import open_table
from tables.options import DEFAULT_OPTIONS, TableOptions
from tables.rows import TableChunk

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


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
    table = open_table(path, options)
    whole = table.whole() if isinstance(table, CsvFile) else None
    frame = join_chunks(table.chunks(), path, table.columns) if whole is None else whole.to_pandas()
    return frame, table.notes


def join_chunks(chunks: Iterable[TableChunk], path: Path, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The frame of a table's chunks.

    Args:
        chunks: all of the table, in order.
        path: of the file, for messages.
        columns: names, if they are known beforehand; others follow as they appear.

    Raises:
        DataError: there are no rows.
    """
    import pyarrow as pa

    arrays: dict[str, list[pa.Array]] = {name: [] for name in columns or ()}
    count = 0
    for chunk in chunks:
        for name, cells in chunk.cells.items():
            before = arrays.setdefault(name, [])
            if not before and count:
                before.append(pa.nulls(count))
            before.append(_array(cells))
        count += len(chunk.where)
        for each in arrays.values():
            if (missing := count - sum(map(len, each))) > 0:
                each.append(pa.nulls(missing))
    if not count:
        raise DataError(f"{path}: has no rows")
    frame: pd.DataFrame = pa.table({name: _joined(each) for name, each in arrays.items()}).to_pandas()
    return frame


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


def _array(cells: Sequence[Any]) -> pa.Array:
    """Cells as an array of doubles, text or nulls."""
    import pyarrow as pa

    kinds = set(map(type, cells)) - {type(None)}
    if not kinds:
        return pa.nulls(len(cells))
    if kinds == {str}:
        return pa.array(cells, pa.string())
    if kinds <= {int, float}:
        return pa.array([None if cell is None else float(cell) for cell in cells], pa.float64())
    texts = [cell if type(cell) is str else None if is_gap(cell) else text_of(cell) for cell in cells]
    return pa.array(texts, pa.string())


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
