"""Plain CSV files are read at once, with the same cells and the same errors as row by row."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pytest

from schemas.errors import DataError
from tables import plain_csv
from tables.csv_file import CsvFile
from tables.frame import join_chunks, read_frame
from tables.options import DEFAULT_OPTIONS, TableOptions


def read_slowly(path: Path, options: TableOptions = DEFAULT_OPTIONS) -> pd.DataFrame:
    table = CsvFile(path, options)
    return join_chunks(table.chunks(), path, table.columns)


def outcome(path: Path, *, is_slow: bool) -> pd.DataFrame | str:
    try:
        return read_slowly(path) if is_slow else read_frame(path)[0]
    except DataError as error:
        return str(error)


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n3,4\n",
        b"a,b\r\n1,2\r\n,\r\n",
        b"\n\na;b;c\n1;;x y\n\n\n 1.5;NA;\xc3\xa9".replace(b"\n ", b"\n"),
        b"\xef\xbb\xbfa\tb\n1\t2",
        b",a,b\n1,2,3\n2,3,4\n",
        b"one\nx\n\ny\n",
        b"a,b\n'1',2 \n\xe2\x80\xa8,\x0b\n",
    ],
    ids=["usual", "crlf", "blank lines", "tabs after a mark", "index", "one column", "odd characters"],
)
@pytest.mark.parametrize("block_bytes", [1, 3, 1000])
def test_a_plain_file_is_read_at_once(
    content: bytes, block_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_csv, "_BLOCK_BYTES", block_bytes)
    (path := tmp_path / "table.csv").write_bytes(content)
    assert CsvFile(path, DEFAULT_OPTIONS).whole() is not None
    pd.testing.assert_frame_equal(read_frame(path)[0], read_slowly(path))


@pytest.mark.parametrize(
    "content",
    [
        b'a,b\n"1",2\n',
        b"a,b\n1, 2\n",
        b"a,b\n 1,2\n",
        b"a,b\r1,2\r",
        b"a,b\n1,2\r",
        b"a,b\n1\n",
        b"a,b\n",
        b"a,b\n\xe9,1\n",
    ],
    ids=[
        "quotes",
        "space",
        "space at a line's start",
        "old ends of lines",
        "half an end",
        "width",
        "no rows",
        "Latin-1",
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 1000])
def test_any_other_file_is_read_row_by_row(
    content: bytes, block_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_csv, "_BLOCK_BYTES", block_bytes)
    (path := tmp_path / "table.csv").write_bytes(content)
    assert CsvFile(path, DEFAULT_OPTIONS).whole() is None


def test_columns_are_skipped_and_renamed(tmp_path: Path) -> None:
    (path := tmp_path / "table.csv").write_bytes(b"a,b,c\n1,2,3\n4,5,6\n")
    options = TableOptions(skip=("b",), rename={"c": "d"})
    read, _ = read_frame(path, options)
    assert read.to_dict("list") == {"a": ["1", "4"], "d": ["3", "6"]}
    pd.testing.assert_frame_equal(read, read_slowly(path, options))


def test_whatever_a_file_holds_both_ways_read_the_same(tmp_path: Path) -> None:
    rng, path, at_once = random.Random(5), tmp_path / "table.csv", 0
    cells = ["1", "", "é", ".5", "1e3", "NA", "x y", "z ", "\t", '"q"', " s", "1,2", "\r"]
    for _ in range(1000):
        rows = [",".join(rng.choices(cells, [9] * 9 + [0.2] * 4, k=2)) for _ in range(rng.randrange(5))]
        text = rng.choice(["\n", "\r\n"]).join([*[""] * rng.randrange(2), "a,b", *rows, *[""] * rng.randrange(3)])
        path.write_text(text, encoding="utf-8", newline="")
        fast, slow = outcome(path, is_slow=False), outcome(path, is_slow=True)
        if isinstance(fast, str) or isinstance(slow, str):
            assert fast == slow
        else:
            pd.testing.assert_frame_equal(fast, slow)
            at_once += CsvFile(path, DEFAULT_OPTIONS).whole() is not None
    assert 300 < at_once < 900, "files that are read at once are among them, and others"
