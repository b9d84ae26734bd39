"""Plain CSV files, which PyArrow reads at once: without quotes, and without spaces that would have to be skipped.

Their cells are what lies between delimiters, so nothing is left to a reader's rules. PyArrow takes a tenth of the time
that `csv` takes. All other files, and those with a row of another width, are read by `tables.csv_file` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tables.paths import reading

if TYPE_CHECKING:
    import pyarrow as pa

_BLOCK_BYTES = 16 * 1024 * 1024
_MARK = b"\xef\xbb\xbf"
"""UTF-8's byte order mark."""


def read_plain(path: Path, delimiter: str, mask: Sequence[bool]) -> pa.Table | None:
    """All rows after the header, as columns of text with the names `0`, `1`, ...; None if the file is not plain.

    Args:
        path: of an uncompressed file in UTF-8 with a header.
        delimiter: between cells.
        mask: for each column of the file, whether it is read.

    Raises:
        DataError: the file cannot be read.
    """
    import pyarrow as pa
    from pyarrow import csv

    names = [str(number) for number in range(len(mask))]
    with reading(path), path.open("rb") as raw:
        if not _is_plain(raw, delimiter.encode()):
            return None
        _skip_header(raw)
        try:
            table = csv.read_csv(
                raw,
                csv.ReadOptions(column_names=names),
                csv.ParseOptions(delimiter=delimiter, quote_char=False),
                csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    include_columns=[name for name, is_read in zip(names, mask, strict=True) if is_read],
                ),
            )
        except pa.ArrowInvalid:  # as a row of another width, which the other reader names
            return None
    return table if table.num_rows and table.num_columns else None


def _is_plain(raw: IO[bytes], delimiter: bytes) -> bool:
    skipped = (delimiter + b" ", b"\n ", b'"')
    before = b"\n"  # as if a line began with the file
    while block := raw.read(_BLOCK_BYTES):
        piece = before + block
        before = piece[-1:]
        whole = piece.removesuffix(b"\r")  # whose end of line may be in the next block
        if any(mark in piece for mark in skipped) or whole.count(b"\r") != whole.count(b"\r\n"):
            return False
    return before != b"\r"


def _skip_header(raw: IO[bytes]) -> None:
    raw.seek(0)
    if raw.read(len(_MARK)) != _MARK:
        raw.seek(0)
    while not raw.readline().strip(b"\r\n"):
        pass
