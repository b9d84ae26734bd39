"""Backtests: a table that drifts asks for retraining, one that does not asks for none, and no label is used early."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from history.backtesting import BacktestReport, backtest
from history.dated_table import DatedTable, read_log, read_table
from history.refits import RefitTask, refit
from schemas.errors import ConfigurationError, DataError
from schemas.sections import TrainingSettings
from tests.history.dated_flats import DAYS, PER_DAY, DatedLevels, dated_flats, flat_settings, write_log
from training.progress import discard_progress

DAY_S = 86_400


def _read(folder: Path, **made: float) -> DatedTable:
    table = dated_flats(folder / "flats.csv", **made)  # type: ignore[arg-type]
    return read_table(flat_settings(folder), table, "sold", discard_progress)


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> DatedTable:
    """Flats whose prices grow by four fifths."""
    return _read(tmp_path_factory.mktemp("moving"), growth=0.8)


@pytest.fixture(scope="module")
def report(moving: DatedTable, tmp_path_factory: pytest.TempPathFactory) -> BacktestReport:
    return backtest(flat_settings(tmp_path_factory.mktemp("home")), moving, model="linear")


def test_on_a_table_that_drifts_the_error_grows_with_the_age(report: BacktestReport) -> None:
    assert (report.error, report.model, report.rows, report.refits) == ("rmse", "linear", 1600, 12)
    assert report.period_s == DAYS / 16 * DAY_S
    errors = [each.excess or 0.0 for each in report.ages if each.low is not None]
    assert errors == sorted(errors)
    advice = report.advice
    assert advice.every_s is not None
    assert advice.every_s <= 3 * report.period_s
    # 30 days are three periods
    assert advice.policy_age_s == 30 * DAY_S
    assert advice.policy_excess == pytest.approx(np.mean([each.excess or 0.0 for each in report.ages[:3]]))


def test_on_a_table_that_does_not_drift_no_age_is_worse(tmp_path: Path) -> None:
    found = backtest(flat_settings(tmp_path), _read(tmp_path, growth=0.0), model="linear")
    assert found.advice.every_s is None
    assert found.advice.seen_until_s >= 5 * found.period_s
    assert found.advice.policy_gain_at_s is None


def test_processes_give_the_same_report(moving: DatedTable, report: BacktestReport, tmp_path: Path) -> None:
    done = list[tuple[int, int]]()
    assert (
        backtest(flat_settings(tmp_path), moving, model="linear", workers=1, on_refit=lambda *each: done.append(each))
        == report
    )
    assert done == [(number, 12) for number in range(1, 13)]


def test_a_model_learns_only_from_labels_that_were_known(moving: DatedTable, tmp_path: Path) -> None:
    settings = flat_settings(tmp_path)
    edges = moving.times[0] + np.arange(17) * np.timedelta64(10, "D")

    def losses(dated: DatedTable, folder: Path) -> np.ndarray:
        dated.store(folder)
        return refit(RefitTask(settings, "linear", "rmse", folder, 8, edges)).losses

    on_time = losses(moving, tmp_path / "on-time")
    assert np.isnan(on_time[:8]).all()
    assert np.isfinite(on_time[8:]).all()
    # labels that come forty days late leave the first forty days
    late = losses(DatedTable(moving.table, moving.known + np.timedelta64(40, "D")), tmp_path / "late")
    assert (late[8:] > on_time[8:]).all()
    never = DatedTable(moving.table, moving.known + np.timedelta64(400, "D"))
    assert np.isnan(losses(never, tmp_path / "never")).all()


def test_with_a_window_a_model_forgets_what_is_older(
    moving: DatedTable, report: BacktestReport, tmp_path: Path
) -> None:
    # the oldest rows mislead in a market that moves
    found = backtest(flat_settings(tmp_path), moving, model="linear", window_s=20 * DAY_S)
    assert found.ages[0].error < 0.8 * report.ages[0].error
    assert found.window_s == 20 * DAY_S


def test_the_audit_log_is_read_with_the_times_of_predictions_and_outcomes(tmp_path: Path) -> None:
    settings = flat_settings(tmp_path)
    write_log(settings, days=12, late_days=3)
    dated = read_log(settings)
    # the outcomes of the last listings have not come
    assert len(dated.table) == 12 * PER_DAY - 1
    assert (np.diff(dated.times) >= np.timedelta64(0)).all()
    assert set((dated.known - dated.times) // np.timedelta64(1, "D")) == {3}
    found = backtest(settings, dated, model="linear", period_s=DAY_S)
    # of the models from the fourth day on, the first two had no labels or too few
    assert (found.refits, found.rows) == (7, 12 * PER_DAY - 1)


def test_classes_are_compared_by_their_own_metric(tmp_path: Path) -> None:
    table = dated_flats(tmp_path / "flats.csv", growth=0.8)
    settings = flat_settings(tmp_path, DatedLevels, training=TrainingSettings(metric="accuracy"))
    found = backtest(settings, read_table(settings, table, "sold", discard_progress), model="linear")
    assert found.error == "1 - accuracy"
    assert 0 < found.ages[0].error < found.ages[6].error < 0.5


def test_what_cannot_be_answered_is_refused(moving: DatedTable, tmp_path: Path) -> None:
    settings = flat_settings(tmp_path)
    with pytest.raises(DataError, match="the rows span 160 days, which are 4 periods"):
        backtest(settings, moving, period_s=40 * DAY_S)
    with pytest.raises(DataError, match="a model needs 50 known labels, and a period 20 rows"):
        backtest(settings, moving, window_s=3600)
    with pytest.raises(ConfigurationError, match="no recipe astrology"):
        backtest(settings, moving, model="astrology")
    with pytest.raises(ConfigurationError, match="--time-column"):
        read_table(settings, tmp_path / "flats.csv", None, discard_progress)
    with pytest.raises(DataError, match="no prediction of the audit log has an outcome"):
        read_log(settings)
