"""Verdicts on comparisons: from how many outcomes, with which words, and when they are withheld."""

from __future__ import annotations

import numpy as np
import pytest

from monitoring.rollouts.comparison import OutcomeUnit, RolloutComparison
from monitoring.rollouts.labelling import find_unevenness, group_key
from monitoring.rollouts.verdict import decide_verdict
from schemas.rollout_report import RolloutVerdict
from schemas.rollout_settings import RolloutSettings
from schemas.rollouts import ArmName

LIMITS = RolloutSettings()


def verdict_of(comparison: RolloutComparison, *, is_classification: bool = False) -> RolloutVerdict:
    return decide_verdict(comparison, LIMITS, is_classification=is_classification)


def compare_pairs(pairs: int, gain: float, spread: float = 0.5, subjects: int | None = None) -> RolloutComparison:
    """Pairs of a champion with a mean loss of 2, one a subject unless there are fewer subjects."""
    rng = np.random.default_rng(3)
    units: dict[int, OutcomeUnit] = {}
    comparison = RolloutComparison()
    for number in range(pairs):
        champion = float(rng.uniform(1, 3))
        name = number % (subjects or pairs)
        challenger = champion - 2 * gain + float(rng.normal(0, spread))
        units[name] = comparison.add_pair(units.get(name, OutcomeUnit()), "champion", champion, challenger)
    return comparison


@pytest.mark.parametrize(
    ("gain", "spread", "word"), [(0.2, 0.5, "better"), (-0.2, 0.5, "worse"), (0.0, 0.05, "same"), (0.0, 2, "undecided")]
)
def test_word_follows_the_interval(gain: float, spread: float, word: str) -> None:
    verdict = verdict_of(compare_pairs(400, gain, spread))
    assert verdict.verdict == word
    assert verdict.low is not None
    assert verdict.gain is not None
    assert verdict.high is not None
    assert verdict.low < verdict.gain < verdict.high
    assert verdict.gain == pytest.approx(gain, abs=0.1)
    assert (verdict.more_outcomes == 0) is (word != "undecided")


def test_no_verdict_before_a_hundred_pairs() -> None:
    early = verdict_of(compare_pairs(99, 0.5))
    assert (early.verdict, early.more_outcomes) == ("undecided", 1)
    assert verdict_of(compare_pairs(100, 0.5)).verdict == "better"


def test_many_outcomes_of_few_subjects_are_no_verdict() -> None:
    few = compare_pairs(2000, 0.5, subjects=23)
    assert verdict_of(few).verdict == "undecided"
    assert verdict_of(few).units == 23
    assert verdict_of(compare_pairs(2000, 0.5, subjects=24)).verdict == "better"


def test_a_subject_counts_once_by_its_mean() -> None:
    comparison, unit = RolloutComparison(), OutcomeUnit()
    for loss in (1.0, 2.0, 6.0):
        unit = comparison.add_pair(unit, "challenger", loss, 0.0)
    assert comparison.difference.size == 1
    assert comparison.difference.mean == pytest.approx(3.0)
    assert (comparison.pairs, comparison.outcomes["challenger"]) == (3, 3)


def test_accuracy_is_compared_as_a_difference_of_shares() -> None:
    comparison = RolloutComparison()
    for number in range(1000):
        comparison.add_pair(OutcomeUnit(), "champion", float(number % 10 == 0), float(number % 5 == 0))
    verdict = verdict_of(comparison, is_classification=True)
    assert verdict.verdict == "worse"
    assert verdict.gain == pytest.approx(-0.1)


def test_arms_without_pairs_are_compared_from_200_outcomes_of_the_smaller() -> None:
    rng = np.random.default_rng(4)
    comparison = RolloutComparison()
    while comparison.outcomes["challenger"] < 200:
        assert verdict_of(comparison).verdict == "undecided"
        arm: ArmName = "challenger" if rng.random() < 0.1 else "champion"
        loss = rng.gamma(4) * (0.25 if arm == "challenger" else 1.0)
        comparison.add_subject(OutcomeUnit(), arm, float(loss), 0.1)
    verdict = verdict_of(comparison)
    assert verdict.verdict == "better"
    assert not verdict.is_paired
    assert verdict.gain == pytest.approx(0.75, abs=0.1)


def test_a_growing_share_does_not_bias_arms() -> None:
    """The target's level rises while the challenger's share grows, and both models are equally good."""
    rng = np.random.default_rng(5)
    comparison = RolloutComparison()
    for number in range(6000):
        share, level = (0.05, 1.0) if number < 3000 else (0.5, 3.0)
        arm: ArmName = "challenger" if rng.random() < share else "champion"
        comparison.add_subject(OutcomeUnit(), arm, float(level * rng.gamma(4)), share)
    naive = float(comparison.champion.mean) - float(comparison.challenger.mean)
    assert naive < -2
    assert abs(float(comparison.difference.mean)) < 0.5
    assert verdict_of(comparison).verdict == "undecided"


def test_hours_compare_arms_within_each_hour() -> None:
    comparison = RolloutComparison()
    rng = np.random.default_rng(6)
    for hour in range(30):
        unit = OutcomeUnit()
        for number in range(20):
            arm: ArmName = "challenger" if number % 2 else "champion"
            loss = hour + rng.uniform(0, 1) - 0.8 * (arm == "challenger")
            unit = comparison.add_hour(unit, arm, float(loss))
    assert comparison.difference.size == 30
    assert verdict_of(comparison).verdict == "better"


def test_verdict_is_withheld_where_outcomes_are_missing_unevenly() -> None:
    comparison = compare_pairs(400, 0.2)
    assert verdict_of(comparison).verdict == "better"
    for number in range(400):
        comparison.add_to_group(group_key("answer", "in the lowest fifth"), has_outcome=number % 2 == 0)
        comparison.add_to_group(group_key("answer", "in the highest fifth"), has_outcome=number % 4 == 0)
    withheld = verdict_of(comparison)
    assert withheld.verdict == "undecided"
    assert withheld.withheld == (
        "outcomes are missing unevenly: 25.0% of the predictions in the highest fifth have one, "
        "50.0% of those in the lowest fifth"
    )


def test_outcomes_missing_alike_in_all_groups_withhold_nothing() -> None:
    comparison = RolloutComparison()
    rng = np.random.default_rng(8)
    for number in range(2000):
        comparison.add_to_group(group_key("answer", f"in part {number % 5}"), has_outcome=bool(rng.random() < 0.3))
        comparison.add_to_group(group_key("arm", f"of arm {number % 2}"), has_outcome=bool(rng.random() < 0.3))
    assert find_unevenness(comparison.groups) is None


def test_segments_are_reported_and_decide_nothing() -> None:
    comparison = compare_pairs(400, 0.0, 0.05)
    comparison.add_to_segment("CHAS 1", 2.0, 1.0)
    verdict = verdict_of(comparison)
    assert verdict.verdict == "same"
    assert [(each.part, each.outcomes, each.gain) for each in verdict.segments] == [("CHAS 1", 1, 0.5)]
