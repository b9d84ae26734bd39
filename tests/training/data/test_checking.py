from __future__ import annotations

import json
import math
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from schemas.domain import Domain, load_domain
from schemas.errors import DataError
from schemas.sections import TrainingSettings
from schemas.settings import load_settings
from tests.models import made_up_rows, table_of
from training.data.checking import inspect, validate
from training.data.quality import DataQualityReport, RowProblem
from training.data.sources import RawTable, read_source
from training.data.tables import Table

HOUSING = load_domain("housing")
OBESITY = load_domain("obesity")
SHARED = Path(__file__).parents[4] / "shared" / "data" / "ObesityDataSet_raw_and_data_sinthetic.csv"


def read(path: Path | None = None, domain: str = "housing") -> RawTable:
    return read_source(load_settings(domain=domain), path)


def _training(**settings: Any) -> TrainingSettings:
    """Settings for which a few rows are enough."""
    return TrainingSettings(folds=2, test_share=0.3, **settings)


def check(
    domain: Domain, raw: RawTable, max_bad_share: float = 0.0, time_column: str | None = None
) -> tuple[Table, tuple[RowProblem, ...]]:
    table, report = validate(domain, raw, _training(max_bad_share=max_bad_share, time_column=time_column))
    assert report.accepted == len(table) == report.rows - report.refused - report.unlabelled - report.duplicates
    return table, report.problems


def csv_of(folder: Path, frame: pd.DataFrame) -> Path:
    path = folder / "data.csv"
    frame.to_csv(path, index=False)
    return path


def test_every_real_row_is_accepted() -> None:
    table, problems = check(HOUSING, read())
    assert len(table) == 506
    assert not problems
    assert tuple(table.frame.columns) == HOUSING.columns
    assert (table.frame.dtypes == np.float64).all()


def test_a_file_gives_the_same_table_as_the_same_values_in_memory(tmp_path: Path) -> None:
    table = table_of("housing")
    shuffled = table.with_target()[["MEDV", *reversed(HOUSING.columns)]].assign(ID=range(506))
    shuffled = shuffled.astype({"RAD": int, "TAX": int})
    from_file, _ = check(HOUSING, read(csv_of(tmp_path, shuffled)))
    pd.testing.assert_frame_equal(from_file.frame, table.frame)
    assert from_file.sha256() == table.sha256()
    assert table.take(np.arange(505)).sha256() != table.sha256()


def test_na_and_empty_cells_are_gaps_of_optional_features(tmp_path: Path) -> None:
    raw = table_of("housing").with_target().head(6).astype(object)
    raw.loc[0, "CRIM"] = "NA"
    raw.loc[1, "CHAS"] = ""
    table, problems = check(HOUSING, read(csv_of(tmp_path, raw)))
    assert not problems
    assert table.frame["CRIM"].isna().tolist() == [True, *[False] * 5]
    assert table.frame["CHAS"].isna().tolist() == [False, True, *[False] * 4]


def test_every_problem_is_reported_with_row_and_value(tmp_path: Path) -> None:
    raw = table_of("housing").with_target().head(20).astype(object)
    raw.loc[2, "RM"] = "many"
    raw.loc[2, "TAX"] = 9999
    raw.loc[4, "NOX"] = "NA"
    raw.loc[5, "CHAS"] = 0.5
    raw.loc[6, "DIS"] = "1e999"
    raw.loc[7, "MEDV"] = "dear"
    raw.loc[8, "MEDV"] = ""
    table, problems = check(HOUSING, read(csv_of(tmp_path, raw)), max_bad_share=0.5)
    assert [(p.row, p.column) for p in problems] == [
        (3, "RM"), (3, "TAX"), (5, "NOX"), (6, "CHAS"), (7, "DIS"), (8, "MEDV")
    ]  # fmt: skip
    assert "row 3, RM = 'many': Input should be a valid number" in str(problems[0])
    assert problems[1].value == 9999
    assert table.positions.tolist() == [0, 1, 3, *range(9, 20)]


def test_too_many_refused_rows_raise_an_error_of_one_line(tmp_path: Path) -> None:
    raw = table_of("housing").with_target().head(20)
    raw.loc[[3, 4], "RM"] = 99
    path = csv_of(tmp_path, raw)
    check(HOUSING, read(path), max_bad_share=0.1)
    with pytest.raises(DataError, match=r"2 of 20 rows break.*at most 9\.0%.*row 4, RM = 99") as caught:
        check(HOUSING, read(path), max_bad_share=0.09)
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_named() -> None:
    raw = RawTable(table_of("housing").frame.drop(columns=["RM", "TAX"]), "somewhere")
    with pytest.raises(DataError, match="somewhere: domain housing needs the columns RM, TAX, MEDV"):
        check(HOUSING, raw)


def test_a_table_without_rows_is_refused() -> None:
    with pytest.raises(DataError, match="holds no rows"):
        check(HOUSING, RawTable(table_of("housing").with_target().head(0), "nothing"))


def test_classes_and_categories_are_checked_by_name(tmp_path: Path) -> None:
    raw = made_up_rows(OBESITY, 70)
    raw.loc[1, "NObeyesdad"] = "Fine"
    raw.loc[2, "MTRANS"] = "Rocket"
    table, problems = check(OBESITY, read(csv_of(tmp_path, raw)), max_bad_share=0.5)
    assert [(p.row, p.column, p.value) for p in problems] == [(2, "NObeyesdad", "Fine"), (3, "MTRANS", "Rocket")]
    assert set(table.target) <= set(OBESITY.target.classes)
    assert table.frame["CAEC"].iloc[0] in OBESITY.feature("CAEC").categories


def test_a_domain_without_a_built_in_table_requires_a_file() -> None:
    with pytest.raises(DataError, match="--data"):
        read(domain="obesity")


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'a,b\n"1,2\n'])
def test_a_file_that_is_not_csv_raises_an_error_of_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "data.csv").write_bytes(content)
    with pytest.raises(DataError, match=r"data\.csv( line 2)?: ") as caught:
        check(HOUSING, read(tmp_path / "data.csv"))
    assert "\n" not in str(caught.value)


def test_a_missing_file_raises_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.csv: cannot be read: No such file"):
        read(tmp_path / "gone.csv")
    with pytest.raises(DataError, match="is not a regular file"):
        read(tmp_path)


def test_a_time_column_is_kept_beside_the_features_and_read_as_utc(tmp_path: Path) -> None:
    frame = table_of("housing").with_target().head(8).astype(object)
    sold = ["2026-01-03", "2026-01-02T01:00:00+01:00", "2026-01-01", "soon", "", *["2026"] * 3]
    raw = read(csv_of(tmp_path, frame.assign(SOLD=sold)))
    table, problems = check(HOUSING, raw, max_bad_share=0.5, time_column="SOLD")
    assert [(p.row, p.column) for p in problems] == [(4, "SOLD"), (5, "SOLD")]
    assert table.times is not None
    times = np.array(["2026-01-03", "2026-01-02", *["2026-01-01"] * 4], dtype="datetime64[ns]")
    assert table.times.tolist() == times.tolist()
    assert table.take(np.array([2, 0])).times is not None
    assert "SOLD" not in table.frame
    later = [pd.Timestamp("2026-01-01")] * 3
    days: list[Any] = [pd.Timestamp("2026-01-03"), date(2026, 1, 2), 7, None, "2026", *later]
    table, problems = check(HOUSING, RawTable(frame.assign(SOLD=days), "typed"), max_bad_share=0.5, time_column="SOLD")
    assert [p.row for p in problems] == [3, 4]
    assert table.times is not None
    assert table.times[1] == np.datetime64("2026-01-02")
    with pytest.raises(DataError, match="TAX is a feature or the target of housing"):
        check(HOUSING, raw, time_column="TAX")


def test_text_in_place_of_an_optional_number_counts_as_missing(tmp_path: Path) -> None:
    raw = table_of("housing").with_target().head(20).astype(object)
    raw.loc[1, "CRIM"] = "about 3"
    raw.loc[2, "CRIM"] = "NA"
    raw.loc[3, "TAX"] = "1,234.5"
    raw.loc[4, "LSTAT"] = " 9.5 "
    table, report = validate(HOUSING, read(csv_of(tmp_path, raw)), TrainingSettings())
    assert (report.columns["CRIM"].unreadable, report.columns["CRIM"].missing) == (1, 1)
    assert table.frame["CRIM"].isna().tolist()[:4] == [False, True, True, False]
    assert (table.frame["TAX"][3], table.frame["LSTAT"][4]) == (1234.5, 9.5)
    assert list(report.findings()) == [
        "CRIM: 1 cell without a readable number, treated as missing",
        "CRIM: 1 cell missing",
    ]


def test_exact_duplicates_are_left_out_and_conflicts_are_counted(tmp_path: Path) -> None:
    raw = table_of("housing").with_target().head(10)
    twice = pd.concat([raw, raw.head(2), raw.tail(1).assign(MEDV=1.0)])
    table, report = validate(HOUSING, read(csv_of(tmp_path, twice)), _training())
    assert (report.rows, report.duplicates, report.conflicts, len(table)) == (13, 2, 2, 11)
    assert table.positions.tolist() == [*range(10), 12]


def test_classes_are_counted(tmp_path: Path) -> None:
    raw = made_up_rows(OBESITY, 70)
    some = raw[raw["NObeyesdad"] != "Normal_Weight"]
    _, report = validate(OBESITY, read(csv_of(tmp_path, some)), TrainingSettings())
    assert report.classes == {name: 0 if name == "Normal_Weight" else 10 for name in OBESITY.target.classes}
    assert list(report.findings()) == ["no rows of class Normal_Weight"]


def test_rows_without_an_outcome_are_left_out_and_counted(tmp_path: Path) -> None:
    raw = table_of("housing").with_target().head(20).astype(object)
    raw.loc[3:9, "MEDV"] = None
    raw.loc[3, "RM"] = "many"
    table, report = validate(HOUSING, read(csv_of(tmp_path, raw)), TrainingSettings(folds=2))
    assert (len(table), report.unlabelled, report.refused, report.problems) == (13, 7, 0, ())
    assert next(iter(report.findings())) == "7 rows without a value of the target left out"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"MEDV": 24.0}, r"the target MEDV is 24\.0 in all rows: nothing to learn"),
        ({"CRIM": None}, "the column CRIM is empty: leave it out of the domain"),
        ({"MEDV": None}, "no row has a value of the target"),
    ],
)
def test_a_table_from_which_nothing_can_be_learned_is_refused(changes: dict[str, Any], reason: str) -> None:
    raw = RawTable(table_of("housing").with_target().head(40).assign(**changes), "flat.csv")
    with pytest.raises(DataError, match=f"^flat.csv: {reason}$"):
        validate(HOUSING, raw, TrainingSettings())


def test_a_table_that_is_too_small_for_the_folds_is_refused() -> None:
    raw = RawTable(table_of("housing").with_target().head(11), "small.csv")
    with pytest.raises(DataError, match=r"^small\.csv: 11 rows are too few for 5 folds and test rows"):
        validate(HOUSING, raw, TrainingSettings())
    with pytest.raises(DataError, match="5 rows of class Insufficient_Weight are too few for 5 folds"):
        validate(OBESITY, RawTable(made_up_rows(OBESITY, 30), "people.csv"), TrainingSettings())


def test_a_table_that_would_stop_a_run_still_has_its_report(tmp_path: Path) -> None:
    raw = table_of("housing").with_target().head(20).assign(RM=99)
    table, report = inspect(HOUSING, read(csv_of(tmp_path, raw)), TrainingSettings())
    assert table is None
    assert report.stops
    assert report.stops.startswith("20 of 20 rows break the contract of housing")
    assert len(report.problems) == report.columns["RM"].refused == 20
    assert DataQualityReport.model_validate_json(report.model_dump_json()) == report


@pytest.mark.skipif(not SHARED.exists(), reason="needs the obesity table of UCI in ../shared/data")
def test_the_obesity_table_has_24_duplicates() -> None:
    table, report = validate(OBESITY, read(SHARED, "obesity"), TrainingSettings())
    assert (report.rows, report.refused, report.duplicates, len(table)) == (2111, 0, 24, 2087)
    assert sum(report.classes.values()) == 2087


def test_a_row_with_more_cells_than_the_header_raises_an_error(tmp_path: Path) -> None:
    lines = table_of("housing").with_target().head(3).to_csv(index=False).splitlines()
    for number in (1, 3):
        path = tmp_path / f"{number}.csv"
        path.write_text("\n".join(f"{line},7" if row == number else line for row, line in enumerate(lines)))
        with pytest.raises(
            DataError, match=r"\d\.csv line \d: 15 cells, but the header has 14: too many from '7' on"
        ) as caught:
            read(path)
        assert "\n" not in str(caught.value)


def test_cells_of_any_type_are_refused_and_reported_as_json(tmp_path: Path) -> None:
    raw = made_up_rows(OBESITY, 70).astype(object)
    ages: list[Any] = [np.array([1.0, 2.0]), *[20.0] * 69]
    genders: list[Any] = [["Male"], *["Male"] * 69]
    raw = raw.assign(Age=ages, Gender=genders)
    table, report = validate(OBESITY, RawTable(raw, "made up"), TrainingSettings(max_bad_share=0.1))
    assert [(p.row, p.column) for p in report.problems] == [(1, "Gender"), (1, "Age")]
    assert len(table) == 69
    raw.loc[1, "Age"] = math.inf
    _, report = inspect(OBESITY, RawTable(raw, "made up"), TrainingSettings())
    assert "Infinity" not in json.dumps(report.model_dump(mode="json"), allow_nan=False)
