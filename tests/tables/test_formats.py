"""One table in every format, compression and encoding gives the same rows."""

from __future__ import annotations

import csv
import gzip
import json
import tracemalloc
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from schemas.errors import DataError
from tables.cells import is_gap, text_of
from tables.csv_file import find_delimiter
from tables.frame import read_frame, read_typed_frame
from tables.json_file import JsonFile
from tables.opening import format_of, open_table
from tables.options import TableOptions

ROWS: list[dict[str, Any]] = [
    {
        "größe": 12.5,
        "rooms": 3,
        "garden": True,
        "kind": "Häuser, klein",
        "sold": pd.Timestamp("2026-11-28"),
        "price": 1.0,
    },
    {"größe": None, "rooms": 2, "garden": False, "kind": 'a "b"', "sold": pd.Timestamp("2026-11-29"), "price": 2.5},
    {"größe": -3.0, "rooms": 1, "garden": True, "kind": "x\ny", "sold": pd.Timestamp("2026-11-30"), "price": 3.0},
]
TEXTS = [
    ["12.5", "3", "True", "Häuser, klein", "2026-11-28", "1"],
    [None, "2", "False", 'a "b"', "2026-11-29", "2.5"],
    ["-3", "1", "True", "x\ny", "2026-11-30", "3"],
]
NAMES = list(ROWS[0])


def frame() -> pd.DataFrame:
    return pd.DataFrame(ROWS)


def csv_bytes(**options: Any) -> bytes:
    return str(frame().to_csv(index=False, **options)).encode()


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, "zstd", asbytes=True))


def json_lines() -> bytes:
    return frame().to_json(orient="records", lines=True, date_format="iso", date_unit="s", force_ascii=False).encode()


def typed_parquet(path: Path) -> None:
    table = pa.table(
        {
            "größe": pa.array([Decimal("12.50"), None, Decimal("-3.00")], pa.decimal128(8, 2)),
            "rooms": pd.array([3, 2, 1], dtype="Int8"),
            "garden": pa.array([True, False, True]),
            "kind": pa.array([row["kind"] for row in ROWS]).dictionary_encode(),
            "sold": pa.array([row["sold"].date() for row in ROWS]),
            "price": pa.array([1.0, 2.5, 3.0], pa.float32()),
        }
    )
    parquet.write_table(table, path)


WRITERS: dict[str, Callable[[Path], Any]] = {
    "a.csv": lambda path: path.write_bytes(csv_bytes()),
    "semicolon.csv": lambda path: path.write_bytes(csv_bytes(sep=";")),
    "tab.tsv": lambda path: path.write_bytes(csv_bytes(sep="\t")),
    "bom.csv": lambda path: path.write_bytes(b"\xef\xbb\xbf" + csv_bytes(lineterminator="\r\n")),
    "utf16.csv": lambda path: path.write_bytes(csv_bytes().decode().encode("utf-16")),
    "latin1.csv": lambda path: path.write_bytes(csv_bytes().decode().encode("latin-1")),
    "blanks.csv": lambda path: path.write_bytes(csv_bytes(quoting=csv.QUOTE_ALL).replace(b'","', b'", "')),
    "index.csv": lambda path: frame().to_csv(path),
    "a.csv.gz": lambda path: path.write_bytes(gzip.compress(csv_bytes())),
    "a.csv.zst": lambda path: path.write_bytes(zstd(csv_bytes())),
    "a.jsonl": lambda path: path.write_bytes(json_lines()),
    "a.jsonl.gz": lambda path: path.write_bytes(gzip.compress(json_lines())),
    "a.json": lambda path: path.write_bytes(b"[\n" + b",\n".join(json_lines().splitlines()) + b"]\n"),
    "a.parquet": lambda path: frame().to_parquet(path),
    "index.parquet": lambda path: frame().set_index(pd.Index([7, 9, 8])).to_parquet(path),
    "typed.parquet": typed_parquet,
    "a.xlsx": lambda path: frame().to_excel(path, index=False),
    "named-by-nothing": lambda path: path.write_bytes(csv_bytes()),
}  # fmt: skip


def texts(cells: dict[Any, Any]) -> list[str | None]:
    """The meaning of a row's cells; the times of JSON are dates with a time of zero."""
    return [
        None if is_gap(cells[name]) else text_of(cells[name]).removesuffix("T00:00:00Z").removesuffix("T00:00:00")
        for name in NAMES
    ]


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_rows_and_the_same_frame(tmp_path: Path, name: str) -> None:
    if name == "a.xlsx":
        pytest.importorskip("openpyxl")
    path = tmp_path / name
    WRITERS[name](path)
    table = open_table(path)
    rows = list(table)
    assert [texts(row.cells) for row in rows] == TEXTS
    assert [row.number for row in rows] == [1, 2, 3]
    assert (table.columns or list(rows[0].cells)) == NAMES
    assert [texts(row.cells) for row in table] == TEXTS
    assert table.done == table.total
    read, notes = read_frame(path)
    assert list(read.columns) == NAMES
    assert [texts(cells) for cells in read.to_dict("records")] == TEXTS
    assert notes == table.notes


def test_what_is_unusual_is_said(tmp_path: Path) -> None:
    for name, note in {
        "latin1.csv": r"latin1.csv: is not UTF-8; read as Latin-1 (cp1252)",
        "index.csv": "index.csv: left out the index column ''",
        "index.parquet": "index.parquet: left out the index column '__index_level_0__'",
    }.items():
        WRITERS[name](tmp_path / name)
        assert open_table(tmp_path / name).notes == [f"{tmp_path}/{note}"]


def test_a_byte_that_windows_does_not_know_makes_it_latin_1(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"a,b\n\x81\xe9,1\n")
    assert next(iter(open_table(tmp_path / "a.csv"))).cells["a"] == "\x81é"


@pytest.mark.parametrize(
    ("sample", "delimiter"),
    [
        ("a,b\n1,2\n", ","),
        ("a;b\n1,5;2,5\n", ";"),
        ("a\tb;c\n1\t2\n", "\t"),
        ('"a;b;c",d\n"1;2;3",4\n', ","),
        ("a\n1\n", ","),
        ("a,b;c,d\n1,2;3,4\n", ","),
        ("", ","),
    ],
)
def test_the_delimiter_splits_the_rows_evenly(sample: str, delimiter: str) -> None:
    assert find_delimiter(sample) == delimiter


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"a,b\n1,2\n3\n", r"a\.csv line 3: 1 cells, but the header has 2: none for 'b'"),
        ("a.csv", b"a,b\n1,2\n3,4,5\n", r"a\.csv line 3: 3 cells, but the header has 2: too many from '5' on"),
        ("a.csv", b"a,b,a\n1,2,3\n", r"a\.csv: duplicate column 'a' \(columns 1 and 3\)"),
        ("a.csv", b"a,,b\n1,2,3\n", r"a\.csv: column 2 has no name"),
        ("a.csv", b"a,b\n1,\0\n", "contains zero bytes"),
        ("a.csv", b"<!DOCTYPE html><p>sign in", "is a web page, not a table"),
        ("a.csv", b"\xff\xfea", r"a\.csv: begins like utf-16, but is not"),
        ("a.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0)[:-9], r"a\.csv\.gz: is damaged"),
        ("a.csv.zst", zstd(b"a,b\n1,2\n" * 99)[:-9], r"a\.csv\.zst: "),
        ("a.jsonl", b'{"a": 1, "a": 2}\n', r"a\.jsonl line 1: JSON cannot be parsed: duplicate column 'a'"),
        ("a.jsonl", b'{"a": 1}\n[1]\n', r"a\.jsonl line 2: must be a JSON object, not a list"),
        ("a.json", b'[{"a": 1}, {"a": 1, "a": 2}]', r"a\.json item 2: JSON cannot be parsed: duplicate column 'a'"),
        ("a.json", b'[{"a": 1}, ', r"a\.json item 2: not valid JSON"),
        ("a.json", b'[{"a": 1} {"a": 2}]', r"a\.json item 2: not valid JSON: expected a comma or the end"),
        ("a.json", b'[{"a": 1}] x', r"a\.json: not valid JSON: more text after the end of the array"),
        ("a.parquet", b"PAR1 or not", r"a\.parquet: not a Parquet file"),
        ("a.xlsx", b"PK\x03\x04 or not", r"a\.xlsx: not an Excel workbook"),
        ("a.xls", b"\xd0\xcf\x11\xe0", r"a\.xls: is an old Excel workbook \(\.xls\); save it as \.xlsx or \.csv"),
    ],
)
def test_an_unusable_table_is_one_line_that_names_the_place(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    for read in (lambda path: list(open_table(path)), read_frame, read_typed_frame):
        with pytest.raises(DataError, match=message) as caught:
            read(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_json_arrays_are_read_item_by_item(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    item = {"text": "x" * 1000, "list": [1, 2, {"a": "]"}]}
    path.write_text("[" + ",\n".join([json.dumps(item)] * 5000) + "]")
    tracemalloc.start()
    count = sum(1 for row in JsonFile(path, TableOptions()) if row.cells == item)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 5000
    # the file has 5 MB
    assert peak_bytes < 3_000_000


def test_an_empty_array_has_no_rows_and_numbers_are_not_cut_at_the_end_of_a_chunk(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(" [ ] ")
    assert list(open_table(path)) == []
    numbers = [{"n": 10**60 + n} for n in range(3000)]
    path.write_text(json.dumps(numbers))
    assert [row.cells for row in open_table(path)] == numbers


def test_columns_are_skipped_and_renamed_in_every_format(tmp_path: Path) -> None:
    options = TableOptions(rename={"größe": "size"}, skip=("kind", "sold"), required=("kind", "sold", "größe"))
    for name in ("a.csv", "a.jsonl", "a.json", "a.parquet"):
        WRITERS[name](tmp_path / name)
        for row in open_table(tmp_path / name, options):
            assert list(row.cells) == ["size", "rooms", "garden", "price"]
        with pytest.raises(DataError, match="no column 'color' to rename; the columns are"):
            list(open_table(tmp_path / name, TableOptions(rename={"color": "kind"}, required=("color",))))
        with pytest.raises(DataError, match="duplicate column 'rooms'"):
            list(open_table(tmp_path / name, TableOptions(rename={"price": "rooms"})))


def test_a_frame_of_unequal_objects_has_all_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = ['{"a": 1}'] * 10_001 + ['{"b": "x", "a": 2}', '{"a": "three"}']
    path.write_text("\n".join(lines))
    read, _ = read_frame(path)
    assert read.shape == (10_003, 2)
    assert read["b"].dropna().tolist() == ["x"]
    assert read["a"].iloc[[0, 10_001, 10_002]].tolist() == ["1", "2", "three"]


def test_columns_without_a_domain_are_numbers_only_if_every_cell_is(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('n,mixed,text,price\n1,1,a,"1,234.5"\nNA,x,NaN,2\n2.5,1.0,b,\n')
    read, _ = read_typed_frame(path)
    assert [read[name].dtype.kind for name in read] == ["f", "O", "O", "f"]
    assert read["mixed"].tolist() == ["1", "x", "1"]
    assert read["price"].tolist()[:2] == [1234.5, 2]
    path.write_text('n\n1\n"1,5"\n')
    with pytest.raises(DataError, match=r"a\.csv row 2, column 'n': '1,5' .* --decimal , or --decimal \."):
        read_typed_frame(path)
    assert read_typed_frame(path, TableOptions(","))[0]["n"].tolist() == [1, 1.5]


def test_the_content_decides_what_the_name_does_not(tmp_path: Path) -> None:
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        WRITERS[name](tmp_path / name)
        (tmp_path / name).rename(tmp_path / f"{name}.download")
    assert [format_of(path) for path in sorted(tmp_path.iterdir())] == ["csv", "json", "parquet"]
