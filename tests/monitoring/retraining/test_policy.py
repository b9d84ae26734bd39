"""The retrain policy: reasons to retrain, and obstacles."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitoring.retraining.policy import DAY_MS, RetrainEvidence, RetrainHistory, find_obstacle, find_retrain_reason
from schemas.sections import LoopSettings

LIMITS = LoopSettings()
NOW_MS = 100 * DAY_MS
CALM = RetrainEvidence(
    NOW_MS, error=2.5, expected_error=2.4, labelled=500, drift_reports=1, active_since_ms=NOW_MS - DAY_MS
)


def test_without_loss_drift_or_age_there_is_no_reason() -> None:
    assert find_retrain_reason(CALM, LIMITS) is None
    assert find_retrain_reason(RetrainEvidence(NOW_MS), LIMITS) is None


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        (replace(CALM, error=3.0), "quality"),
        (replace(CALM, has_sudden_loss=True), "quality"),
        (replace(CALM, drift_reports=3), "drift"),
        (replace(CALM, active_since_ms=NOW_MS - 31 * DAY_MS), "schedule"),
        (replace(CALM, error=3.0, drift_reports=9, active_since_ms=0), "quality"),
        (replace(CALM, drift_reports=9, active_since_ms=0), "drift"),
    ],
)
def test_quality_comes_before_drift_and_drift_before_age(evidence: RetrainEvidence, cause: str) -> None:
    reason = find_retrain_reason(evidence, LIMITS)
    assert reason is not None
    assert reason.cause == cause


def test_too_few_outcomes_are_no_reason() -> None:
    assert find_retrain_reason(replace(CALM, error=30.0, labelled=199, has_sudden_loss=True), LIMITS) is None


def test_one_at_a_time_with_a_pause_and_a_cap() -> None:
    assert find_obstacle(RetrainHistory(), NOW_MS, LIMITS) is None
    assert find_obstacle(RetrainHistory(is_waiting=True), NOW_MS, LIMITS) == "a training is running or waiting"
    hour_ago = RetrainHistory(last_ms=NOW_MS - 3_600_000, today=1)
    assert "cooldown" in str(find_obstacle(hour_ago, NOW_MS, LIMITS))
    assert find_obstacle(replace(hour_ago, last_ms=NOW_MS - 7 * 3_600_000), NOW_MS, LIMITS) is None
    assert "max_per_day" in str(find_obstacle(RetrainHistory(last_ms=NOW_MS - 7 * 3_600_000, today=4), NOW_MS, LIMITS))
