"""`tasador backtest`: the table of ages, the answer beside the policy, JSON and the plot."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import DataError
from tasador.cli.commands.backtest import backtest
from tests.history.dated_flats import DatedFlats, dated_flats
from tests.tasador.command import runner_of

COMMAND = runner_of(backtest)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A table of prices that grow, in the folder of the domain's settings."""
    path = f"{DatedFlats.__module__}:{DatedFlats.__name__}"
    (tmp_path / "params.yaml").write_text(f"domains: {{dated_flats: {{path: '{path}'}}}}\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TASADOR_DOMAIN", "dated_flats")
    monkeypatch.setenv("COLUMNS", "200")
    return str(dated_flats(tmp_path / "flats.csv", growth=0.8))


def test_the_answer_stands_beside_the_policy(table: str, tmp_path: Path) -> None:
    plot = tmp_path / "ages.svg"
    arguments = ("--data", table, "--time-column", "sold", "--model", "linear", "--period", "10d")
    text = COMMAND.text(*arguments, "--svg", str(plot))
    assert "1,600 rows of 2026-01-01 to 2026-06-09, 12 refits of linear" in text
    assert "retrain at least every 10 d, or more often: try a shorter --period" in text
    assert "the policy retrains at 30 d (loop.max_age_s): +" in text
    assert "and earlier if the error grows by 20% (loop.max_error_gain), which models reach at " in text
    assert plot.read_text(encoding="utf-8").startswith("<?xml")
    found = COMMAND.json(*arguments)
    assert (found["period_s"], found["advice"]["every_s"]) == (864_000, 864_000)
    assert len(found["ages"]) == found["refits"] == 12


def test_a_wrong_time_is_named(table: str) -> None:
    with pytest.raises(DataError, match="'monthly' is no time: use 15min, 12h or 7d"):
        COMMAND.run("--data", table, "--time-column", "sold", "--period", "monthly")
