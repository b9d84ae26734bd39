"""Two tables compared, in a notebook and on the command line."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

import monitoring
from monitoring import drift_page, drift_report
from schemas.domain import load_domain
from schemas.drift import DriftReport
from schemas.errors import ConfigurationError, DataError
from tasador.cli.commands.drift import drift
from tasador.cli.views.drift import drift_table
from tests.tasador.command import runner_of

RNG = np.random.default_rng(11)


@pytest.fixture(scope="module")
def boston() -> pd.DataFrame:
    return pd.DataFrame(load_domain("housing").contract.built_in_table())


def _sample(table: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    return table.sample(rows, replace=True, random_state=seed)


def test_rows_of_one_population_do_not_drift(boston: pd.DataFrame) -> None:
    report = drift_report(_sample(boston, 1000, 1), _sample(boston, 1000, 2))
    assert (report.verdict, len(report.columns), report.reference_rows) == ("no_drift", 14, 1000)


def test_the_shifted_column_is_named(boston: pd.DataFrame) -> None:
    moved = _sample(boston, 1000, 2).assign(NOX=lambda rows: rows["NOX"] + 0.05)
    assert drift_report(_sample(boston, 1000, 1), moved).drifted == ("NOX",)


def test_text_and_booleans_are_categories_and_missing_values_are_counted() -> None:
    old = pd.DataFrame({"c": ["a", "b", None, "b"] * 100, "d": [True, False] * 200, "e": [1.0, np.nan] * 200})
    new = pd.DataFrame({"c": ["a", "z", None, "b"] * 100, "d": [True, True] * 200, "e": [1.0, np.nan] * 200})
    report = drift_report(old, new)
    letters, flags, numbers = report.columns
    assert (letters.kind, letters.verdict, letters.new_categories) == ("category", "drift", ("z",))
    assert (letters.missing_share, letters.reference_missing_share) == (0.25, 0.25)
    assert (flags.kind, flags.verdict, flags.distribution.categories) == ("category", "drift", ("False", "True"))
    assert (numbers.kind, numbers.verdict, numbers.missing_share) == ("number", "no_drift", 0.5)


def test_one_table_is_one_window_and_rows_in_order_can_be_cut(boston: pd.DataFrame) -> None:
    old, new = _sample(boston, 900, 1), _sample(boston, 900, 2)
    new["RM"] = [*new["RM"].iloc[:600], *(new["RM"].iloc[600:] + 2)]
    assert drift_report(old, new).verdict == "drift"
    cut = drift_report(old, new, windows=3)
    alarms = next(column.alarms for column in cut.columns if column.name == "RM")
    assert (cut.verdict, alarms, [window.rows for window in cut.windows]) == (
        "no_drift",
        (True, False, False),
        [300] * 3,
    )


def _sparse(table: pd.DataFrame, values: int) -> pd.DataFrame:
    """The table with a number and a category that have values in few rows, and one that has none."""
    filled = np.arange(len(table)) < values
    return table.assign(
        discount=np.where(filled, np.arange(len(table)), np.nan),
        coupon=pd.Series("spring", index=table.index).where(filled),
        empty=None,
    )


def test_a_column_with_few_values_is_too_few_and_does_not_hold_back_the_others(boston: pd.DataFrame) -> None:
    report = drift_report(_sparse(_sample(boston, 5000, 1), 25), _sparse(_sample(boston, 5000, 2), 25))
    verdicts = {column.name: column.verdict for column in report.columns if column.verdict != "no_drift"}
    assert (report.verdict, verdicts) == ("no_drift", dict.fromkeys(("discount", "coupon", "empty"), "too_few"))
    moved = _sparse(_sample(boston, 5000, 2).assign(RM=9.0), 25)
    assert drift_report(_sparse(_sample(boston, 5000, 1), 25), moved).drifted == ("RM",)


@pytest.mark.parametrize(("before", "now"), [(150, 320), (320, 150), (0, 90), (90, 0), (0, 0), (0, 199)])
def test_few_or_no_values_on_either_side_are_too_few(boston: pd.DataFrame, before: int, now: int) -> None:
    tables = [_sparse(_sample(boston, 2000, seed), values) for seed, values in ((1, before), (2, now))]
    report = drift_report(*tables)
    assert report.verdict == "no_drift"
    assert {column.name: column.verdict for column in report.columns[-3:]} == dict.fromkeys(
        ("discount", "coupon", "empty"), "too_few"
    )


def test_a_column_that_was_filled_and_is_now_empty_drifts(boston: pd.DataFrame) -> None:
    old, new = _sample(boston, 1000, 1), _sample(boston, 1000, 2)
    report = drift_report(old, new.assign(RM=np.nan))
    assert (report.drifted, report.columns[5].missing_share) == (("RM",), 1.0)


def test_if_no_column_has_values_enough_neither_has_the_table(boston: pd.DataFrame) -> None:
    few = _sparse(_sample(boston, 1000, 1), 25)[["discount", "coupon", "empty"]]
    report = drift_report(few, few)
    assert report.verdict == "not_enough_rows"
    assert {column.verdict for column in report.columns} == {"too_few"}


def test_too_few_shows_on_the_page_and_in_the_terminal(boston: pd.DataFrame) -> None:
    few = _sparse(_sample(boston, 1000, 1), 25)
    report = drift_report(few, few)
    page = drift_page(report)
    assert page.count('<article class="too_few">') == page.count('<span class="badge">too few values</span>') == 3
    console = Console(file=io.StringIO(), width=120)
    console.print(drift_table(report))
    assert console.file.getvalue().count("too few") == 3  # type: ignore[attr-defined]


_FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=32)
_CELLS = {
    "number": st.one_of(_FLOATS, st.just(float("nan"))),
    "count": st.integers(-(2**53), 2**53),
    "category": st.one_of(st.sampled_from(["a", "<=50K", "b (ok)", "", "😀"]), st.none()),
    "flag": st.booleans(),
    "gaps": st.one_of(st.none(), st.integers(0, 3)),
    "constant": st.just(7.5),
    "word": st.just("same"),
    "empty": st.just(None),
    "empty number": st.just(float("nan")),
}


@st.composite
def _frames(draw: st.DrawFn) -> pd.DataFrame:
    """Frames of 1 to 900 rows: a few drawn cells of each column, repeated in an order of their own."""
    rows = draw(st.sampled_from([1, 2, 25, 199, 200, 201, 400, 900]))
    columns = {}
    for name in draw(st.lists(st.sampled_from(sorted(_CELLS)), min_size=1, unique=True)):
        cells = draw(st.lists(_CELLS[name], min_size=1, max_size=12))
        order = np.random.default_rng(draw(st.integers(0, 99))).integers(0, len(cells), rows)
        columns[name] = [cells[position] for position in order]
    return pd.DataFrame(columns)


@settings(max_examples=150, deadline=None)
@given(_frames())
def test_a_table_never_drifts_from_itself(table: pd.DataFrame) -> None:
    report = drift_report(table, table)
    assert report.drifted == ()
    enough = len(table) >= 200
    assert {column.verdict for column in report.columns} <= ({"no_drift", "too_few"} if enough else {"not_enough_rows"})
    decided = any(column.verdict == "no_drift" for column in report.columns)
    assert report.verdict == ("no_drift" if decided else "not_enough_rows")
    assert all(column.effect in {0.0, None} for column in report.columns)
    assert DriftReport.model_validate_json(report.model_dump_json()) == report
    assert drift_page(report).count("<article") == len(report.columns)


def test_few_rows_are_not_enough(boston: pd.DataFrame) -> None:
    assert drift_report(boston, boston.head(199)).verdict == "not_enough_rows"


def test_tables_that_cannot_be_compared_raise() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    with pytest.raises(DataError, match="lacks columns of the reference: b"):
        drift_report(table, table[["a"]])
    with pytest.raises(DataError, match="nothing to compare: 2 and 0 rows"):
        drift_report(table, table.head(0))
    with pytest.raises(DataError, match="columns twice: a"):
        drift_report(table, pd.concat([table, table[["a"]]], axis=1))
    with pytest.raises(DataError, match="column a holds infinite values"):
        drift_report(table, table.assign(a=np.inf))
    assert drift_report(table[["a"]], table).ignored == ("b",)


def test_the_package_exports_two_functions() -> None:
    assert monitoring.__all__ == ["drift_page", "drift_report"]
    with pytest.raises(AttributeError, match="nothing"):
        _ = monitoring.nothing


def test_the_page_is_self_contained_and_shows_each_column(boston: pd.DataFrame) -> None:
    new = _sample(boston, 1000, 2).assign(RM=lambda rows: rows["RM"] + 1)
    name = "<b>&"
    page = drift_page(drift_report(_sample(boston, 1000, 1).assign(**{name: "x"}), new.assign(**{name: "y"})), "A < B")
    assert page.count("<svg ") == 15
    assert page.index("<h2>&lt;b&gt;&amp;") < page.index("<h2>ZN")
    assert "<title>A &lt; B: drift</title>" in page
    assert not [word for word in ("http:", "https:", "src=", "href=", "<script", "<b>") if word in page]
    assert "prefers-color-scheme: dark" in page


def test_the_exit_code_is_the_verdict(boston: pd.DataFrame, tmp_path: Path) -> None:
    run = runner_of(drift).run
    old, same, moved, few = (tmp_path / f"{name}.csv" for name in ("old", "same", "moved", "few"))
    _sample(boston, 800, 1).to_csv(old, index=False)
    _sample(boston, 800, 2).to_csv(same, index=False)
    _sample(boston, 800, 2).assign(RM=9.0).to_csv(moved, index=False)
    boston.head(20).to_csv(few, index=False)
    page = tmp_path / "page.html"
    results = {
        path.stem: run("--reference", str(old), "--current", str(path), "--html", str(page))
        for path in (same, moved, few)
    }
    assert {name: result.exit_code for name, result in results.items()} == {"same": 0, "moved": 3, "few": 4}
    assert "RM" in results["moved"].stdout
    assert "few.csv against old.csv: not enough rows" in page.read_text(encoding="utf-8")
    report = json.loads(run("--reference", str(old), "--current", str(moved), "--json").stdout)
    assert [column["name"] for column in report["columns"] if column["verdict"] == "drift"] == ["RM"]


def test_the_command_needs_two_readable_files(tmp_path: Path) -> None:
    run = runner_of(drift).run
    with pytest.raises(ConfigurationError, match="require each other"):
        run("--current", "x.csv")
    with pytest.raises(DataError, match="is not a regular file"):
        run("--reference", str(tmp_path), "--current", str(tmp_path))


def test_codes_that_are_numbers_in_one_table_are_categories_if_the_other_has_text() -> None:
    old = pd.DataFrame({"code": ["1", "2", "3+"] * 200})
    new = pd.DataFrame({"code": [1.0, 2.0] * 300})
    (column,) = drift_report(old, new).columns
    assert (column.kind, column.distribution.categories, column.verdict) == ("category", ("1", "2", "3+"), "drift")
    many = pd.DataFrame({"code": np.arange(600) * 0.5})
    with pytest.raises(DataError, match="column code has numbers in one table and text in the other"):
        drift_report(old, many)
