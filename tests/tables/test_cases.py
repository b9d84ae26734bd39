"""Tables as people have them, each of which one part of the product once read in another way than the next."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
import pytest

from producer.files import ListingFile
from producer.outcomes import OutcomeFile
from schemas.decoding import ListingDecoder
from schemas.domain import domain_of
from schemas.errors import DataError
from schemas.features import Features, Integer, Number, Target, feature
from schemas.sections import LimitSettings, TrainingSettings
from tables.frame import read_frame
from tables.opening import open_table
from tests.tables.round_trip import RefusedTableError, travel, working_in
from training import validate
from training.data.sources import RawTable

ROWS = 80


@pytest.fixture(autouse=True)
def _in_empty_folder(tmp_path: Path) -> Iterator[None]:
    with working_in(tmp_path):
        yield


def _frame(**columns: Any) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x = rng.uniform(10, 90, ROWS).round(2)
    return pd.DataFrame({"x": x, "n": rng.integers(1, 6, ROWS), **columns, "price": (2 * x + 1).round(2)})


def _cycle(*values: Any) -> list[Any]:
    return [values[row % len(values)] for row in range(ROWS)]


def _csv(frame: pd.DataFrame, name: str = "table.csv", **options: Any) -> Path:
    frame.to_csv(name, index=False, **options)
    return Path(name)


def test_a_blank_after_each_comma_belongs_to_no_category() -> None:
    frame = _frame(workclass=_cycle("State-gov", "Private", "?"), income=_cycle("high", "low"))
    text = frame.to_csv(index=False).replace(",", ", ")
    Path("adult.csv").write_text(text)
    journey = travel(Path("adult.csv"), "income")
    assert journey.domain.target.classes == ("high", "low")
    assert journey.domain.feature("workclass").categories == ("Private", "State-gov")
    assert set(journey.outcomes.values()) == {"high", "low"}


def test_a_column_name_may_have_two_underscores() -> None:
    assert travel(_csv(_frame().rename(columns={"x": "utm__source"})), "price").domain.columns == ("utm__source", "n")


def test_a_boolean_is_the_same_in_every_format() -> None:
    frame = _frame(garden=_cycle(True, False, False))
    _csv(frame)
    _csv(frame.assign(garden=_cycle("TRUE", "FALSE", "FALSE")), "upper.csv")
    frame.to_parquet("table.parquet")
    frame.to_json("table.jsonl", orient="records", lines=True)
    paths = [Path(name) for name in ("table.csv", "upper.csv", "table.parquet", "table.jsonl")]
    journeys = [travel(path, "price", name=f"table{number}") for number, path in enumerate(paths)]
    assert {journey.domain.feature("garden").categories for journey in journeys} == {("False", "True")}
    values = [[event["data"] for event in journey.events] for journey in journeys]
    assert values[0] == values[1] == values[2] == values[3]


@pytest.mark.parametrize("mark", ["nan", "NaN", "NA", "null", ""])
def test_a_gap_mark_is_a_gap_in_numbers_and_in_text_wherever_it_stands(mark: str) -> None:
    frame = _frame(colour=_cycle("red", "blue", mark)).astype({"x": object})
    frame.loc[0, ["x", "colour"]] = mark
    frame.loc[5, "x"] = mark
    journey = travel(_csv(frame), "price")
    assert [journey.domain.feature(name).may_miss for name in ("x", "colour", "n")] == [True, True, False]
    assert journey.events[0]["data"] == {"x": None, "n": int(frame["n"][0]), "colour": None}


def test_what_was_skipped_is_left_out_of_every_file() -> None:
    frame = _frame(
        Id=range(ROWS), Name=[f"Smith, Mr. {n}" for n in range(ROWS)], Ticket=[f"A/{n}" for n in range(ROWS)]
    )
    path = _csv(frame)
    journey = travel(path, "price", "--skip", "Name", "--skip", "Ticket", "--id-column", "Id")
    assert journey.domain.columns == ("x", "n")
    assert [event["id"] for event in journey.events] == [str(n) for n in range(ROWS)]
    listings = ListingFile(path, journey.domain)
    assert listings.notes == ["left out Name, Ticket, which table ignores"]
    _csv(frame.assign(Pool=1), "pool.csv")
    with pytest.raises(DataError, match=r"unknown column 'Pool'.*leave it out with --skip"):
        ListingFile(Path("pool.csv"), journey.domain)


def test_thousands_separators_are_the_same_for_drafting_training_and_publishing() -> None:
    area = [f"{1000 + n:,}.5" for n in range(ROWS)]
    journey = travel(_csv(_frame(area=area)), "price")
    assert journey.domain.feature("area").kind == "number"
    assert journey.events[3]["data"]["area"] == 1003.5


def test_a_comma_that_may_be_a_decimal_separator_is_refused_until_it_is_named() -> None:
    path = _csv(_frame(), sep=";", decimal=",")
    with pytest.raises(RefusedTableError, match=r"line 2, column 'x': '\d\d,\d+' .* --decimal , or --decimal \."):
        travel(path, "price")
    journey = travel(path, "price", "--decimal", ",")
    assert [event["data"]["x"] for event in journey.events] == _frame()["x"].tolist()
    for read in (ListingFile, OutcomeFile):
        with pytest.raises(DataError, match=r"table\.csv line \d+, column '(x|price)': .* --decimal , or --decimal \."):
            list(read(path, journey.domain))
    frame, _ = read_frame(path)
    with pytest.raises(DataError, match=r"table\.csv row \d+, column 'x': .* --decimal , or --decimal \."):
        validate(journey.domain, RawTable(frame, "table.csv"), TrainingSettings())


def test_json_lines_and_an_array_are_training_data() -> None:
    frame = _frame(colour=_cycle("red", "blue"))
    frame.to_json("lines.jsonl", orient="records", lines=True)
    frame.to_json("array.json", orient="records")
    lines, array = (travel(Path(name), "price", name=name[:5]) for name in ("lines.jsonl", "array.json"))
    assert lines.domain.features == array.domain.features
    np.testing.assert_array_equal(lines.predictions, array.predictions)


def test_a_saved_index_is_no_feature_for_any_reader() -> None:
    frame = _frame()
    frame[frame["n"] > 1].to_parquet("table.parquet")
    frame.to_csv("table.csv")
    for number, name in enumerate(("table.parquet", "table.csv")):
        assert travel(Path(name), "price", name=f"t{number}").domain.columns == ("x", "n")


def test_bounds_of_whole_numbers_are_whole() -> None:
    temperatures = [n % 14 - 3 for n in range(ROWS)]
    domain = travel(_csv(_frame(temp=temperatures, always=7)), "price").domain
    feature = domain.feature("temp")
    assert (feature.kind, feature.ge, feature.le) == ("integer", -10, 17)
    assert domain.feature("always").kind == "integer"


def test_classes_may_be_any_text(tmp_path: Path) -> None:
    grades = ("A+", "B (ok)", "<=50K", 'a "b"', "back\\slash", "😀 ½")
    journey = travel(_csv(_frame(grade=_cycle(*grades))), "grade", home=tmp_path / "home")
    assert sorted(journey.domain.target.classes) == sorted(grades)
    assert [*journey.outcomes.values()] == _cycle(*grades)


class Countries(Features):
    name: ClassVar[str] = "countries"
    target: ClassVar[Target] = Target("price")

    x: Number = feature(ge=0, le=100, unit="", description="x")
    n: Integer = feature(ge=1, le=5, unit="", description="n")
    country: Literal["BW", "NA", "ZA"] = feature(unit="", description="country")


def test_a_declared_category_wins_over_a_gap_mark() -> None:
    path, domain = _csv(_frame(country=_cycle("NA", "BW", "ZA"))), domain_of(Countries)
    decoder = ListingDecoder(domain, LimitSettings())
    published = [json.loads(json.dumps(listing)) for listing in ListingFile(path, domain)]
    assert [event["data"]["country"] for event in published] == _cycle("NA", "BW", "ZA")
    assert all(decoder.decode(json.dumps(event).encode()) for event in published)
    table, report = validate(domain, RawTable(read_frame(path)[0], "countries"), TrainingSettings())
    assert (report.refused, report.columns["country"].missing) == (0, 0)
    assert table.frame["country"].tolist() == _cycle("NA", "BW", "ZA")


def test_a_target_name_with_a_backslash_or_quotes_is_drafted() -> None:
    frame = _frame().rename(columns={"price": 'price\\unit "€"'})
    assert travel(_csv(frame), 'price\\unit "€"').domain.target.name == 'price\\unit "€"'


def test_two_spellings_of_a_number_are_one_class() -> None:
    journey = travel(_csv(_frame(grade=_cycle("0", "1", "0.0", "1.0"))), "grade")
    assert journey.domain.target.classes == ("0", "1")
    assert [*journey.outcomes.values()] == _cycle("0", "1", "0", "1")


def test_compression_and_blank_lines_at_the_end_are_accepted_everywhere() -> None:
    content = _frame().to_csv(index=False) + "\n\n"
    Path("table.csv.gz").write_bytes(gzip.compress(content.encode()))
    assert len(travel(Path("table.csv.gz"), "price").events) == ROWS


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,price\n1,2\n3\n", r"line 3: 1 cells, but the header has 2: none for 'price'"),
        ("x,x,price\n1,2,3\n", r"duplicate column 'x' \(columns 1 and 2\)"),
    ],
)
def test_short_rows_and_duplicate_columns_are_refused_by_every_reader(text: str, message: str) -> None:
    Path("table.csv").write_text(text)

    class Houses(Features):
        name: ClassVar[str] = "houses"
        target: ClassVar[Target] = Target("price")
        x: Number = feature(ge=0, le=100, unit="", description="x")

    domain = domain_of(Houses)
    with pytest.raises(RefusedTableError, match=message):
        travel(Path("table.csv"), "price")
    for read in (ListingFile, OutcomeFile):
        with pytest.raises(DataError, match=message):
            list(read(Path("table.csv"), domain))
    with pytest.raises(DataError, match=message):
        read_frame(Path("table.csv"))


def test_a_constant_target_is_refused() -> None:
    with pytest.raises(RefusedTableError, match="the target 'price' is '1' in all rows: nothing to learn"):
        travel(_csv(_frame().assign(price=1.0)), "price")


def test_an_outcome_file_of_one_column_may_have_gaps() -> None:
    journey = travel(_csv(_frame()), "price")
    prices = pd.DataFrame({"price": _cycle(1.5, None)})
    assert len(list(OutcomeFile(_csv(prices, "sold.csv"), journey.domain))) == ROWS // 2
    assert len(list(open_table(Path("sold.csv")))) == ROWS
