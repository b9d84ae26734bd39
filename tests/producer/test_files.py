"""Files of listings: the events that they become, and errors in a file or a row."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from producer.encoding import encode_listing
from producer.files import ListingFile
from schemas.decoding import DecodedListing, ListingDecoder
from schemas.domain import Domain, load_domain
from schemas.errors import DataError, RefusedListingError
from schemas.sections import LimitSettings
from tables.text_file import MAX_LINE_BYTES
from tests.listings import Row

REQUIRED = "NOX,RM,DIS,RAD,TAX,PTRATIO,B"
VALUES = "0.5,6.5,4.1,1,296,15.3,396.9"


@pytest.fixture
def housing() -> Domain:
    return load_domain("housing")


def _write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _write_rows(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def _events(file: ListingFile) -> list[dict[str, Any]]:
    return [json.loads(encode_listing(listing)) for listing in file]


def _decoded(file: ListingFile, domain: Domain) -> list[DecodedListing]:
    decoder = ListingDecoder(domain, LimitSettings())
    return [decoder.decode(encode_listing(listing)) for listing in file]


def test_every_real_row_is_accepted_and_the_target_is_dropped(
    tmp_path: Path, housing: Domain, boston_rows: list[Row]
) -> None:
    path = _write_rows(tmp_path / "homes.csv", [{"MEDV": 24.0} | row for row in boston_rows])
    decoded = _decoded(ListingFile(path, housing), housing)
    assert len(decoded) == 506
    assert [event["data"] for event in _events(ListingFile(path, housing))] == boston_rows


def test_the_same_file_gives_the_same_ids_and_another_gives_others(
    tmp_path: Path, housing: Domain, boston_rows: list[Row]
) -> None:
    file = ListingFile(_write_rows(tmp_path / "a.csv", boston_rows[:3]), housing)
    copy = ListingFile(_write_rows(tmp_path / "b.csv", boston_rows[:3]), housing)
    other = ListingFile(_write_rows(tmp_path / "c.csv", boston_rows[1:4]), housing)
    ids = [event["id"] for event in _events(file)]
    assert ids == [event["id"] for event in _events(copy)]
    assert [id[16:] for id in ids] == ["-1", "-2", "-3"]
    assert not {*ids} & {event["id"] for event in _events(other)}


def test_ids_come_from_the_named_column(tmp_path: Path, housing: Domain) -> None:
    path = _write(tmp_path, "homes.csv", f"ID,{REQUIRED}\nhome 7,{VALUES}\n0012,{VALUES}\n")
    events = _events(ListingFile(path, housing, id_column="ID"))
    assert [event["id"] for event in events] == ["home 7", "0012"]
    assert "ID" not in events[0]["data"]


def test_cells_are_converted_to_the_kind_of_their_feature(tmp_path: Path, housing: Domain) -> None:
    header = "CRIM,ZN,INDUS,CHAS,AGE,LSTAT"
    lines = ["NA,,NaN,null, NA ,1e1", "about 3,1_000,inf,1.0,1e400,0.5x", " 0.5,18,-1,0.5,٣,yes"]
    text = "\n".join([f"{header},{REQUIRED}", *(f"{line},{VALUES}" for line in lines)])
    rows = [event["data"] for event in _events(ListingFile(_write(tmp_path, "homes.csv", text), housing))]
    assert [[row[name] for name in header.split(",")] for row in rows] == [
        [None, None, None, None, None, 10.0],
        ["about 3", "1_000", "inf", 1, "1e400", "0.5x"],
        [0.5, 18.0, -1.0, 0.5, "٣", "yes"],
    ]
    assert [type(rows[1]["CHAS"]), type(rows[0]["RAD"]), type(rows[0]["TAX"])] == [int, int, float]


def test_text_in_place_of_a_number_is_left_for_the_consumer_to_refuse(tmp_path: Path, housing: Domain) -> None:
    path = _write(tmp_path, "homes.csv", f"CRIM,{REQUIRED}\nabout 3,{VALUES}\n")
    with pytest.raises(RefusedListingError, match="invalid_value: CRIM"):
        _decoded(ListingFile(path, housing), housing)


def test_categories_are_text(tmp_path: Path) -> None:
    obesity = load_domain("obesity")
    header = (
        "Gender,Age,Height,Weight,family_history_with_overweight,FAVC,FCVC,NCP,CAEC,SMOKE,CH2O,SCC,FAF,TUE,CALC,MTRANS"
    )
    row = "Female,21,1.62,64,yes,no,2,3,Sometimes,no,2,no,0,1,no,Public_Transportation"
    path = _write(tmp_path, "people.csv", f"{header},NObeyesdad\n{row},Normal_Weight\n")
    assert len(_decoded(ListingFile(path, obesity), obesity)) == 1


def test_a_byte_order_mark_windows_lines_quotes_and_blank_lines_are_accepted(tmp_path: Path, housing: Domain) -> None:
    text = f'{REQUIRED}\r\n\r\n{VALUES}\r\n\r\n"0.5",6.5,4.1,1,296,15.3,396.9'
    path = _write(tmp_path, "HOMES.CSV", b"\xef\xbb\xbf" + text.encode())
    events = _events(ListingFile(path, housing))
    assert [event["id"][16:] for event in events] == ["-1", "-2"]
    assert events[0]["data"] == events[1]["data"]


def test_json_lines_hold_rows_and_whole_events(tmp_path: Path, housing: Domain, boston_rows: list[Row]) -> None:
    whole = {"id": "l-1", "source": "/agency/42", "data": boston_rows[0]}
    row = boston_rows[1] | {"MEDV": 21.6, "AGE": "NA", "ZN": None}
    text = "\n".join([json.dumps(whole), "", json.dumps(row)])
    file = ListingFile(_write(tmp_path, "homes.jsonl", text), housing)
    first, second = _decoded(file, housing)
    assert (first.id, first.source, second.id[16:]) == ("l-1", "/agency/42", "-2")
    assert _events(file)[1]["data"] == boston_rows[1] | {"AGE": None, "ZN": None}


def test_json_rows_with_ids_numbers_beyond_json_and_later_unknown_features(
    tmp_path: Path, housing: Domain, boston_rows: list[Row]
) -> None:
    rows = [
        boston_rows[0] | {"ID": 7, "CRIM": float("nan"), "ZN": float("inf")},
        boston_rows[1] | {"ID": "b", "POOL": 1},
    ]
    path = _write(tmp_path, "homes.ndjson", "\n".join(map(json.dumps, rows)))
    first, second = _events(ListingFile(path, housing, id_column="ID"))
    assert (first["id"], second["id"]) == ("7", "b")
    assert (first["data"]["CRIM"], first["data"]["ZN"]) == (None, "inf")
    # the consumer refuses it as unknown_feature; the file keeps it
    assert second["data"]["POOL"] == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "", r"a\.csv: is empty"),
        ("a.csv", f"{REQUIRED}\n", r"a\.csv: has no rows"),
        ("a.csv", "\n\n", r"a\.csv: has no header"),
        ("a.jsonl", "\n", r"a\.jsonl: has no rows"),
        ("a.txt", "1", r"a\.txt: has no rows"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0", r"a\.png: contains zero bytes: not text, or UTF-16 without"),
        ("a.csv", f"{REQUIRED},POOL\n{VALUES},1\n", r"column 'POOL'; known columns are CRIM, ZN, .*--id-column"),
        ("a.csv", "RM,RAD\n6.5,1\n", r"missing column 'NOX', 'DIS', 'TAX', 'PTRATIO', 'B', required by housing"),
        ("a.csv", f"{REQUIRED},RM\n{VALUES},1\n", r"duplicate column 'RM'"),
        ("a.csv", f"{REQUIRED}\n{VALUES},1\n", r"a\.csv line 2: 8 cells, but the header has 7"),
        ("a.csv", f'{REQUIRED}\n"0.5,6.5\n1,2\n', r"a\.csv line \d: not valid CSV: unexpected end of data"),
        ("a.jsonl", '{"RM": 6.5}', r"a\.jsonl line 1: missing column 'NOX'"),
        ("a.jsonl", '{"POOL": 6.5}', r"a\.jsonl line 1: unknown column 'POOL'"),
        ("a.jsonl", "{nonsense", r"a\.jsonl line 1: not valid JSON: Expecting property name"),
        ("a.jsonl", "[" * 100_000, r"a\.jsonl item 1: JSON cannot be parsed"),
        ("a.json", '[{"RM": 6.5}]', r"a\.json item 1: missing column 'NOX'"),
        ("a.json", "[[6.5]]", r"a\.json item 1: must be a JSON object, not a list"),
        ("a.jsonl", '{"RM": 6.5}\n7', r"a\.jsonl line 1: missing column"),
    ],
)
def test_an_unusable_file_is_rejected_before_its_first_row(
    tmp_path: Path, housing: Domain, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        ListingFile(_write(tmp_path, name, content), housing)


def test_a_missing_file_and_a_folder_are_rejected(tmp_path: Path, housing: Domain) -> None:
    with pytest.raises(DataError, match=r"homes\.csv: cannot be read: No such file or directory"):
        ListingFile(tmp_path / "homes.csv", housing)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="is not a regular file"):
        ListingFile(tmp_path / "folder.csv", housing)


def test_an_endless_line_is_rejected(tmp_path: Path, housing: Domain) -> None:
    with pytest.raises(DataError, match=r"a line is longer than 16,777,216 bytes; is this a text file\?"):
        ListingFile(_write(tmp_path, "a.jsonl", b" " * (MAX_LINE_BYTES + 1)), housing)


def test_an_id_column_must_exist_and_not_be_a_feature(tmp_path: Path, housing: Domain) -> None:
    path = _write(tmp_path, "a.csv", f"{REQUIRED}\n{VALUES}\n")
    with pytest.raises(DataError, match="no id column 'ID'; the columns are NOX, RM"):
        ListingFile(path, housing, id_column="ID")
    with pytest.raises(DataError, match="the id column 'RM' is a feature of housing"):
        ListingFile(path, housing, id_column="RM")


def test_a_row_of_another_length_is_reported_after_the_rows_before_it(tmp_path: Path, housing: Domain) -> None:
    path = _write(tmp_path, "a.csv", f"{REQUIRED}\n{VALUES}\n{VALUES}\n0.5\n")
    listings = iter(ListingFile(path, housing))
    next(listings)
    next(listings)
    with pytest.raises(DataError, match="line 4: 1 cells, but the header has 7"):
        next(listings)


def test_progress_counts_bytes_up_to_the_size_of_the_file(tmp_path: Path, housing: Domain) -> None:
    path = _write(tmp_path, "a.csv", f"{REQUIRED}\n{VALUES}\n{VALUES}\n")
    file = ListingFile(path, housing)
    assert len(list(file)) == 2
    assert file.done == file.total == path.stat().st_size
