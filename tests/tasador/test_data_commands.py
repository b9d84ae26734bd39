from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from schemas.errors import DataError
from tasador.cli.commands import data
from tests.folders import AWKWARD_NAME
from tests.models import made_up_rows, table_of
from tests.tasador.command import Runner

COMMAND = Runner(data.app)


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)


def test_check_of_good_data_exits_with_0_and_leaves_nothing_behind(tmp_path: Path) -> None:
    output = COMMAND.text("check")
    assert "506 of 506 rows" in output
    assert re.search(r"^DIS +1\.1296 +12\.1265 +0 +0 +0", output, re.MULTILINE)
    assert not list(tmp_path.iterdir())


def test_check_shows_every_finding_and_each_problem_with_row_and_value(tmp_path: Path) -> None:
    raw = table_of("housing").with_target().head(100).astype(object)
    raw.loc[3, "RM"] = 99
    raw.loc[4, "CRIM"] = "about 3"
    raw.loc[5] = raw.loc[6]
    raw.to_csv("homes.csv", index=False)
    output = COMMAND.text("check", "homes.csv")
    for line in ("1 row refused, 1.0% of all", "1 exact duplicate left out", "CRIM: 1 cell without a readable number"):
        assert line in output
    assert "row 4, RM = 99.0: Input should be less than or equal to 15" in output
    report = COMMAND.json("check", "homes.csv")
    assert (report["rows"], report["accepted"], report["refused"], report["stops"]) == (100, 98, 1, None)
    assert report["problems"][0]["row"] == 4


def test_files_may_have_any_name(tmp_path: Path) -> None:
    table, page = f"{AWKWARD_NAME}.csv", f"{AWKWARD_NAME}.html"
    table_of("housing").with_target().head(100).to_csv(table, index=False)
    assert COMMAND.text("check", "--", table).startswith(f"100 of 100 rows of {table} accepted")
    assert COMMAND.text("report", "--out", page, "--", table).splitlines() == [page]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([table, page])


def test_check_exits_with_1_and_the_reason_if_a_training_would_stop() -> None:
    table_of("housing").with_target().head(20).assign(RM=99).to_csv("homes.csv", index=False)
    result = COMMAND.run("check", "homes.csv")
    assert result.exit_code == 1
    assert "20 of 20 rows break the contract of housing" in result.stderr
    as_json = COMMAND.run("check", "homes.csv", "--json")
    assert as_json.exit_code == 1
    assert json.loads(as_json.stdout)["stops"].startswith("20 of 20 rows")
    with pytest.raises(DataError, match=r"gone\.csv: cannot be read"):
        COMMAND.run("check", "gone.csv")


def test_check_counts_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_DOMAIN", "obesity")
    from schemas.domain import load_domain

    made_up_rows(load_domain("obesity"), 70).to_csv("people.csv", index=False)
    assert "Obesity_Type_III: 10 rows" in COMMAND.text("check", "people.csv")


def test_report_writes_a_page_that_needs_no_network(tmp_path: Path) -> None:
    raw = table_of("housing").with_target().head(40).astype({"RM": object})
    raw.loc[3, "RM"] = "<b>many</b>"
    raw.assign(NOTE="<i>cosy</i>").to_csv("homes.csv", index=False)
    assert COMMAND.json("report", "homes.csv")["page"] == "reports/housing/data.html"
    page = Path("reports/housing/data.html").read_text(encoding="utf-8")
    assert "39 of 40 rows accepted" in page
    assert "&lt;b&gt;many&lt;/b&gt;" in page
    assert not re.search("<b>many|<i>cosy", page)
    assert "PTRATIO" in page
    loaded = re.findall(r"<(?:script|link|img|iframe)[^>]+(?:src|href)=[\"']?(?!data:)([^\"'> ]+)", page)
    assert not loaded
    assert not re.search(r"@import|url\(['\"]?http|\bfetch\(|XMLHttpRequest", page)


def test_names_are_printed_as_they_are() -> None:
    table_of("housing").with_target().to_csv("a:bus:b.csv", index=False)
    assert "rows of a:bus:b.csv accepted" in COMMAND.text("check", "a:bus:b.csv")
