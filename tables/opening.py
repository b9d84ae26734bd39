"""Opens a table in the format of its content and its name; a name that says nothing is CSV, or JSON if it begins so.

==========================================  =========================================================================
``.csv``, ``.tsv``, ``.txt``                a header and rows; comma, semicolon or tab; UTF-8, UTF-16 or Latin-1
``.jsonl``, ``.ndjson``, ``.json``          a JSON object per line, or one array of objects
``.parquet``, ``.xlsx``                     recognized by their content
``.gz``, ``.zst`` after these               compressed text, recognized by its content
==========================================  =========================================================================
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from schemas.errors import DataError
from tables.csv_file import CsvFile
from tables.excel_file import ExcelFile
from tables.json_file import JsonFile
from tables.options import DEFAULT_OPTIONS, TableOptions
from tables.parquet_file import ParquetFile
from tables.paths import size_of
from tables.rows import TableFile
from tables.text_file import read_start

Format = Literal["csv", "json", "parquet", "xlsx"]

_START_BYTES = 512
_OPENERS: dict[Format, Callable[[Path, TableOptions], TableFile]] = {
    "csv": CsvFile,
    "json": JsonFile,
    "parquet": ParquetFile,
    "xlsx": ExcelFile,
}
_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
}
_COMPRESSIONS = (".gz", ".zst")


def open_table(path: Path, options: TableOptions = DEFAULT_OPTIONS) -> TableFile:
    """Open a table.

    Args:
        path: of the file.
        options: columns to rename and to skip.

    Raises:
        ConfigurationError: the format needs a package that is not installed.
        DataError: the file cannot be read as a table.
    """
    return _OPENERS[format_of(path)](path, options)


def format_of(path: Path) -> Format:
    """The format of a file: of its content if that is certain, else of its name.

    Raises:
        DataError: it cannot be read, or is a web page or an old workbook.
    """
    size_of(path)
    start = read_start(path, _START_BYTES)
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"PK\x03\x04"):
        return "xlsx"
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        raise DataError(f"{path}: is an old Excel workbook (.xls); save it as .xlsx or .csv")
    text = start.lstrip().lower()
    if text.startswith((b"<!doctype", b"<html")):
        raise DataError(f"{path}: is a web page, not a table")
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _COMPRESSIONS]
    named = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    return named or ("json" if text.startswith((b"{", b"[")) else "csv")
