"""Reads a table from a CSV or Parquet file; the first bytes decide which."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

MISSING = ("", "NA")
PARQUET_START = b"PAR1"
_WEB_PAGES = (b"<!doctype", b"<html")


def read_table(path: Path, source: str) -> pd.DataFrame:
    """Read a Parquet file, or a CSV file with a header, in which missing values are empty or `NA`.

    Args:
        path: the file.
        source: its name for error messages.

    Raises:
        DataError: the file cannot be read, or is neither CSV nor Parquet.
    """
    try:
        with path.open("rb") as file:
            start = file.read(512).lstrip()
    except OSError as error:
        raise DataError(f"{source}: cannot be read: {error.strerror}") from error
    if start.lower().startswith(_WEB_PAGES):
        raise DataError(f"{source}: is a web page, not a table")
    return _read_parquet(path, source) if start.startswith(PARQUET_START) else _read_csv(path, source)


def is_parquet(path: Path) -> bool:
    """Whether a file begins like a Parquet file."""
    with path.open("rb") as file:
        return file.read(len(PARQUET_START)) == PARQUET_START


def _read_csv(path: Path, source: str) -> pd.DataFrame:
    import pandas as pd

    try:
        with warnings.catch_warnings():
            # if the first row is longer than the header, pandas warns and cuts it, or shifts every column
            warnings.simplefilter("error", pd.errors.ParserWarning)
            # as text: one word in a column of numbers must not change the type of the whole column
            return pd.read_csv(
                path, dtype=str, keep_default_na=False, na_values=list(MISSING), encoding="utf-8-sig", index_col=False
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(f"{source}: is not a CSV file: {str(error).splitlines()[0]}") from error


def _read_parquet(path: Path, source: str) -> pd.DataFrame:
    import pandas as pd
    from pyarrow import ArrowException

    try:
        return pd.read_parquet(path)
    except (ArrowException, OSError) as error:
        raise DataError(f"{source}: is not a Parquet file: {str(error).splitlines()[0]}") from error
