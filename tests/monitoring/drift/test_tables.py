"""Two tables compared, in a notebook and on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import monitoring
from monitoring import drift_page, drift_report
from schemas.domain import load_domain
from schemas.errors import ConfigurationError, DataError
from tasador.cli.commands.drift import drift
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


def test_few_rows_are_not_enough(boston: pd.DataFrame) -> None:
    assert drift_report(boston, boston.head(199)).verdict == "not_enough_rows"


def test_tables_that_cannot_be_compared_raise() -> None:
    table = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]})
    with pytest.raises(DataError, match="lacks columns of the reference: b"):
        drift_report(table, table[["a"]])
    with pytest.raises(DataError, match="column b has numbers in one table and text in the other"):
        drift_report(table, table.assign(b=1))
    with pytest.raises(DataError, match="nothing to compare: 2 and 0 rows"):
        drift_report(table, table.head(0))
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
