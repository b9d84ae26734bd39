"""When the monitor asks for another model."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitoring.retraining.policy import DAY_MS, Evidence, History, find_retrain_reason, obstacle
from schemas.sections import LoopSettings

LIMITS = LoopSettings()
NOW_MS = 100 * DAY_MS
CALM = Evidence(NOW_MS, error=2.5, expected_error=2.4, labelled=500, drifting=1, in_charge_ms=NOW_MS - DAY_MS)


def test_nothing_is_asked_for_while_all_is_well() -> None:
    assert find_retrain_reason(CALM, LIMITS) is None
    assert find_retrain_reason(Evidence(NOW_MS), LIMITS) is None


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        (replace(CALM, error=3.0), "quality"),
        (replace(CALM, has_lost_suddenly=True), "quality"),
        (replace(CALM, drifting=3), "drift"),
        (replace(CALM, in_charge_ms=NOW_MS - 31 * DAY_MS), "age"),
        (replace(CALM, error=3.0, drifting=9, in_charge_ms=0), "quality"),
        (replace(CALM, drifting=9, in_charge_ms=0), "drift"),
    ],
)
def test_quality_comes_before_drift_and_drift_before_age(evidence: Evidence, cause: str) -> None:
    found = find_retrain_reason(evidence, LIMITS)
    assert found is not None
    assert found.cause == cause


def test_few_outcomes_say_nothing() -> None:
    assert find_retrain_reason(replace(CALM, error=30.0, labelled=199, has_lost_suddenly=True), LIMITS) is None


def test_one_at_a_time_with_a_pause_and_a_cap() -> None:
    assert obstacle(History(), NOW_MS, LIMITS) is None
    assert obstacle(History(is_waiting=True), NOW_MS, LIMITS) == "a training goes on"
    hour_ago = History(last_ms=NOW_MS - 3_600_000, today=1)
    assert "cooldown" in str(obstacle(hour_ago, NOW_MS, LIMITS))
    assert obstacle(replace(hour_ago, last_ms=NOW_MS - 7 * 3_600_000), NOW_MS, LIMITS) is None
    assert "max_per_day" in str(obstacle(History(last_ms=NOW_MS - 7 * 3_600_000, today=4), NOW_MS, LIMITS))
