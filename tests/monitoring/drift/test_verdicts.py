"""Alarms of a column in a window, and the verdicts that follow from them."""

from __future__ import annotations

import numpy as np
import pytest

from monitoring.drift.columns import Column
from monitoring.drift.comparison import compare_column
from monitoring.drift.report import compare
from monitoring.drift.verdicts import adjust_p_values, decide_alarm, decide_verdict, holm
from schemas.drift import DriftReport, WindowSpan
from schemas.sections import DriftSettings

LIMITS = DriftSettings()
RNG = np.random.default_rng(5)
OLD = RNG.normal(size=2000)


def _alarm(old: np.ndarray, new: np.ndarray, categories: tuple[str, ...] = ()) -> bool | None:
    comparison = compare_column(Column("X", old, categories), Column("X", new, categories), LIMITS)
    return decide_alarm(comparison, adjust_p_values([comparison])[0], LIMITS.max_p)


def _report(*windows: np.ndarray) -> DriftReport:
    spans = [WindowSpan(rows=len(window)) for window in windows]
    return compare([Column("X", OLD)], [[Column("X", window)] for window in windows], spans, LIMITS)


def test_holm_equals_the_step_down_worked_out_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_a_small_shift_of_many_rows_is_significant_but_does_not_alarm() -> None:
    old, new = RNG.normal(size=50_000), RNG.normal(0.05, size=50_000)
    comparison = compare_column(Column("X", old), Column("X", new), LIMITS)
    assert comparison.shape is not None
    assert (comparison.shape.p < 1e-6, comparison.shape.is_large) == (True, False)
    assert _alarm(old, new) is False


def test_a_large_but_insignificant_difference_of_few_rows_does_not_alarm() -> None:
    halves = np.array([0.0, 1.0] * 100)
    moved = np.array([0.0] * 79 + [1.0] * 121)
    comparison = compare_column(Column("X", halves), Column("X", moved), LIMITS)
    assert comparison.shape is not None
    assert (comparison.shape.is_large, comparison.shape.p > LIMITS.max_p) == (True, True)
    assert _alarm(halves, moved) is False


def test_a_shift_that_matters_and_is_significant_alarms() -> None:
    assert _alarm(OLD, OLD[:1000] + 0.3) is True


def test_a_wider_spread_around_the_same_mean_alarms() -> None:
    assert _alarm(OLD, OLD * 2 - OLD.mean()) is True


def test_other_shares_and_new_categories_alarm() -> None:
    old, new = np.repeat([0.0, 1.0], 500), np.repeat([0.0, 1.0], [300, 700])
    assert _alarm(old, new, ("a", "b")) is True
    assert _alarm(old, np.repeat([0.0, 1.0, 2.0], [450, 450, 100]), ("a", "b", "c")) is True


def test_a_larger_missing_share_alarms_even_if_the_other_values_have_not_changed() -> None:
    new = OLD.copy()
    new[::5] = np.nan
    assert _alarm(OLD, new) is True
    assert _alarm(OLD, np.full(1000, np.nan)) is True


def test_too_few_values_are_unknown_and_never_quiet() -> None:
    assert _alarm(OLD, OLD[:199]) is None
    assert _alarm(OLD[:199], OLD) is None
    mostly_missing = np.full(1000, np.nan)
    mostly_missing[:199] = OLD[:199]
    assert _alarm(mostly_missing, mostly_missing) is None


def test_a_column_without_missing_values_does_not_make_other_tests_stricter() -> None:
    comparison = compare_column(Column("X", OLD), Column("X", OLD + 0.3), LIMITS)
    assert comparison.shape is not None
    (shape_p, missing_p), *_ = adjust_p_values([comparison])
    assert (shape_p, missing_p) == (comparison.shape.p, None)


@pytest.mark.parametrize(
    ("alarms", "verdict"),
    [
        ((True, True, False), "drift"),
        ((False, True, True), "drift"),
        ((True, True), "drift"),
        ((True, False, False), "no_drift"),
        ((False, False), "no_drift"),
        ((True, False), "not_enough_rows"),
        ((True,), "not_enough_rows"),
        ((False,), "not_enough_rows"),
        ((None, False, True), "not_enough_rows"),
        ((None, None, None), "not_enough_rows"),
        ((), "not_enough_rows"),
    ],
)
def test_two_of_three_windows_must_alarm_and_unknown_windows_are_not_quiet(
    alarms: tuple[bool | None, ...], verdict: str
) -> None:
    assert decide_verdict(alarms, sparse=0, windows=3, needed=2) == verdict


@pytest.mark.parametrize(
    ("alarms", "sparse", "verdict"),
    [
        ((None, None, None), 3, "too_few"),
        ((None, True, None), 2, "too_few"),
        ((None, False, True), 1, "too_few"),
        ((None, None, True), 1, "not_enough_rows"),
        ((None,), 1, "not_enough_rows"),
        ((None, False, False), 1, "no_drift"),
        ((None, True, True), 1, "drift"),
    ],
)
def test_a_window_with_few_values_is_too_few_unless_more_rows_could_decide(
    alarms: tuple[bool | None, ...], sparse: int, verdict: str
) -> None:
    assert decide_verdict(alarms, sparse, windows=3, needed=2) == verdict


def test_one_shifted_window_is_no_drift_and_two_are() -> None:
    shifted, quiet = OLD[:1000] + 1, OLD[1000:]
    assert _report(shifted, quiet, quiet).verdict == "no_drift"
    report = _report(shifted, shifted, quiet)
    assert (report.verdict, report.drifted, report.columns[0].alarms) == ("drift", ("X",), (True, True, False))


def test_without_windows_the_verdict_is_not_enough_rows() -> None:
    report = _report()
    assert (report.verdict, report.columns[0].verdict, report.windows) == ("not_enough_rows", "not_enough_rows", ())


def test_an_undecided_feature_leaves_the_report_undecided_and_an_undecided_outcome_does_not() -> None:
    few, many = Column("A", OLD[:10]), Column("B", OLD)
    spans = [WindowSpan(rows=2000)] * 2
    limits = LIMITS.model_copy(update={"windows": 2})
    assert compare([many, many], [[many, few]] * 2, spans, limits).verdict == "not_enough_rows"
    outcome = Column("outcome", OLD[:10], role="outcome")
    assert compare([many, outcome], [[many, outcome]] * 2, spans, limits).verdict == "no_drift"


def test_psi_alone_does_not_alarm() -> None:
    spread = np.concatenate([np.linspace(0, 1, 1000), np.linspace(1, 1.2, 20)])
    old, new = np.sort(spread), np.concatenate([np.linspace(0, 1, 700), np.linspace(0, 0.1, 250)])
    report = compare(
        [Column("X", old)],
        [[Column("X", new[::4])]],
        [WindowSpan(rows=238)],
        LIMITS.model_copy(update={"max_p": 1e-12}),
    )
    assert (report.columns[0].psi or 0) > 0.25
    assert report.columns[0].alarms == (False,)
