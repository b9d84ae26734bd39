"""Parquet files, sources and whole events."""

from __future__ import annotations

import datetime as dt
import json
import tracemalloc
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from producer.encoding import encode_listing
from producer.files import ListingFile
from schemas.domain import Domain, load_domain
from schemas.errors import DataError
from tables.parquet_file import BATCH_ROWS
from tests.listings import Row


@pytest.fixture
def housing() -> Domain:
    return load_domain("housing")


def _events(file: ListingFile) -> list[dict[str, Any]]:
    return [json.loads(encode_listing(listing)) for listing in file]


def _write(path: Path, rows: list[Row], **options: Any) -> Path:
    parquet.write_table(pa.Table.from_pylist(rows), path, **options)
    return path


def test_a_parquet_file_gives_the_rows_of_the_table(tmp_path: Path, housing: Domain, boston_rows: list[Row]) -> None:
    rows = [{"ID": number, **row, "MEDV": 24.0} for number, row in enumerate(boston_rows, start=1)]
    file = ListingFile(_write(tmp_path / "homes.parquet", rows, row_group_size=100), housing, "ID", "/agency/42")
    events = _events(file)
    assert [event["data"] for event in events] == boston_rows
    assert [event["id"] for event in events] == [str(number) for number in range(1, 507)]
    assert {event["source"] for event in events} == {"/agency/42"}
    assert file.done == file.total == 506


def test_a_parquet_file_gets_ids_from_its_digest(tmp_path: Path, housing: Domain, boston_rows: list[Row]) -> None:
    path = _write(tmp_path / "homes.parquet", boston_rows[:3])
    assert [event["id"][16:] for event in _events(ListingFile(path, housing))] == ["-1", "-2", "-3"]


def test_values_that_json_lacks_become_null_numbers_or_text(
    tmp_path: Path, housing: Domain, boston_rows: list[Row]
) -> None:
    rows = [
        boston_rows[0] | {"ID": 7.0, "CRIM": None, "ZN": Decimal("1.5"), "INDUS": dt.date(2026, 11, 20)},
        boston_rows[1] | {"ID": None, "CRIM": float("nan"), "ZN": None, "INDUS": None},
    ]
    first, second = _events(ListingFile(_write(tmp_path / "homes.parquet", rows), housing, "ID"))
    assert first["id"] == "7"
    assert [first["data"][name] for name in ("CRIM", "ZN", "INDUS")] == [None, 1.5, "2026-11-20"]
    assert (second["id"], second["data"]["CRIM"]) == (None, None)


def test_an_unusable_parquet_file_is_rejected(tmp_path: Path, housing: Domain, boston_rows: list[Row]) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 or not")
    with pytest.raises(DataError, match=r"a\.parquet: not a Parquet file"):
        ListingFile(tmp_path / "a.parquet", housing)
    with pytest.raises(DataError, match=r"b\.parquet: unknown column 'POOL'"):
        ListingFile(_write(tmp_path / "b.parquet", [boston_rows[0] | {"POOL": 1}]), housing)
    empty = pa.Table.from_pylist(boston_rows[:1]).slice(0, 0)
    parquet.write_table(empty, tmp_path / "c.parquet")
    with pytest.raises(DataError, match=r"c\.parquet: has no rows"):
        ListingFile(tmp_path / "c.parquet", housing)


def test_whole_events_are_unchanged_but_get_a_source_if_they_have_none(
    tmp_path: Path, housing: Domain, boston_rows: list[Row]
) -> None:
    own = {"id": "l-1", "source": "/own", "subject": "house 7", "time": "2026-11-20T12:00:00Z", "data": boston_rows[0]}
    bare = {"id": "l-2", "data": boston_rows[1], "extension": "é"}
    path = tmp_path / "events.jsonl"
    path.write_text(f"{json.dumps(own)}\n{json.dumps(bare)}\n")
    assert _events(ListingFile(path, housing)) == [own, bare]
    assert _events(ListingFile(path, housing, source="/given")) == [own, bare | {"source": "/given"}]


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".jsonl"])
def test_a_long_file_is_read_in_constant_memory(
    tmp_path: Path, housing: Domain, boston_rows: list[Row], ending: str
) -> None:
    table = pa.Table.from_pylist(boston_rows * 20)
    path = tmp_path / f"homes{ending}"
    if ending == ".csv":
        table.to_pandas().to_csv(path, index=False)
    elif ending == ".parquet":
        parquet.write_table(table, path, row_group_size=1000)
    else:
        table.to_pandas().to_json(path, orient="records", lines=True)
    file = ListingFile(path, housing)
    tracemalloc.start()
    count = sum(1 for _ in file)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 10_120
    # as dictionaries all rows would take more than 10 MB
    assert peak_bytes < 2_000 * BATCH_ROWS
