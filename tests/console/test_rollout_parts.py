"""What the console shows of a rollout, and what its actions say and send, from figures alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from console.actions import told_of_rollout
from console.pages.listing import arm_text
from console.pages.rollout_actions import STEPS, UNCHANGED, RolloutWish, adjust_effect, start_effect
from console.pages.rollout_texts import comparison_of_arms, rollout_facts, rollout_line, verdicts_over_time
from console.pictures.interval import draw_interval
from operations.rollouts import RolloutStatus
from schemas.commands import AdjustRollout, ModelEventData, StartRollout, StopRollout
from schemas.errors import DataError
from schemas.rollout_commands import RolloutAdjustData, RolloutStartData
from schemas.rollout_report import ArmFigures, Guardrail, RolloutReport, RolloutVerdict
from schemas.rollouts import DesiredRollout

UNTIL = datetime(2031, 5, 1, tzinfo=UTC)
ROLLOUT = DesiredRollout(
    id="1764000000000-0",
    revision="1764000000000-0",
    mode="canary",
    version="7",
    digest="d",
    uri="u",
    share=0.1,
    salt="s",
    pairs=True,
    champion="6",
    until=UNTIL,
    actor="<b>ana",
)


def _status(**verdict: Any) -> RolloutStatus:
    report = RolloutReport(
        rollout=ROLLOUT.id,
        time=UNTIL,
        mode="canary",
        share=0.1,
        version="7",
        champion="6",
        arms=(
            ArmFigures(arm="champion", version="6", answers=900, per_s=9, p99_ms=12, loss=2.5, outcomes=300),
            ArmFigures(arm="challenger", version="7", answers=100, per_s=1, p99_ms=13, loss=2.25, outcomes=300),
        ),
        guardrails=(
            Guardrail(name="fallback", value=0.02, limit=0.01, answers=100, message="2 of 100 fell back"),
            Guardrail(name="latency", value=13, limit=1000, answers=100, message="p99 is 13 ms"),
            Guardrail(name="shift", limit=1, answers=100, message="too few answers"),
        ),
        verdict=RolloutVerdict(**verdict),
    )
    return RolloutStatus(rollout=ROLLOUT, carried_out_by=("c1",), missing={"c2": "<i>is loading"}, report=report)


def test_a_rollout_is_shown_with_its_versions_its_time_and_who_carries_it_out() -> None:
    shown = rollout_facts(_status())
    for text in (
        "canary of version 7 beside version 6",
        "10 % of the listings",
        "2025-11-24",
        "2031-05-01",
        "c1",
        "c2: ",
    ):
        assert text in shown
    assert "<b>ana" not in shown
    assert "<i>is loading" not in shown
    assert "No rollout is running" in rollout_facts(RolloutStatus())


def test_arms_stand_side_by_side_with_the_fallback_share_of_the_challenger() -> None:
    shown = comparison_of_arms(_status())
    assert "champion, version 6" in shown
    assert "challenger, version 7" in shown
    assert "2.00%" in shown
    assert "imputed share" not in shown
    assert [shown.count(f">{state}<") for state in ("broken", "holds", "unknown")] == [1, 1, 1]
    assert "not reported" in comparison_of_arms(RolloutStatus(rollout=ROLLOUT))
    assert "No rollout is running" in comparison_of_arms(RolloutStatus())


def test_the_verdict_has_its_interval_and_what_it_may_still_take() -> None:
    shown = comparison_of_arms(_status(gain=0.1, low=-0.02, high=0.22, outcomes=300, units=40, more_outcomes=1200))
    assert 'data-rollout-verdict="undecided"' in shown
    assert "+10.0% (-2.0% to +22.0%)" in shown
    assert "about 1,200 more decide" in shown
    assert "Gain of the challenger" not in comparison_of_arms(_status(outcomes=3))
    assert "withheld, because outcomes are missing" in comparison_of_arms(_status(withheld="outcomes are missing"))


def test_an_interval_is_drawn_around_its_estimate_beside_zero() -> None:
    drawn = draw_interval("gain", 0.1, 0.0, 0.2)
    assert 'd="M240.0 22H440.0"' in drawn
    assert 'cx="340.0"' in drawn
    assert "circle" not in draw_interval("gain", None, 0.0, 0.0)


def test_the_interval_of_the_gain_is_drawn_as_it_narrows() -> None:
    verdicts = [
        (
            1_764_000_000_000 + 60_000 * number,
            RolloutVerdict(gain=0.1, low=0.1 - w, high=0.1 + w, outcomes=100 * number),
        )
        for number, w in enumerate((0.9, 0.3, 0.2, 0.1), start=1)
    ]
    drawn = verdicts_over_time(verdicts)
    band = re.search(r'class="band" d="M([^Z]+)Z"', drawn)
    assert band is not None
    corners = [[float(part) for part in each.split()] for each in band[1].split("L")]
    heights = [low[1] - high[1] for high, low in zip(corners[:4], corners[:3:-1], strict=True)]
    assert heights == sorted(heights, reverse=True), "narrower from left to right"
    assert "+10.0% (+0.0% to +20.0%)" in drawn
    assert "400 outcomes" in drawn
    assert verdicts_over_time([(0, RolloutVerdict())]) == ""


def test_one_line_says_that_a_rollout_runs_and_which_guardrail_is_broken() -> None:
    assert "the verdict is better; broken guardrails: fallback" in rollout_line(_status(verdict="better"))
    assert rollout_line(RolloutStatus()) == ""


def test_the_arm_of_a_prediction_says_whether_the_champion_answered_in_its_place() -> None:
    assert arm_text({"arm": "challenger"}) == "challenger"
    assert "fallback" in arm_text({"arm": "challenger", "fallback": True})
    assert arm_text({}) == ""


@pytest.mark.parametrize(
    ("wish", "data"),
    [
        (RolloutWish("shadow"), {"mode": "shadow"}),
        (RolloutWish("canary", 0.2, "7d"), {"mode": "canary", "share": 0.2, "until": UNTIL}),
        (RolloutWish(UNCHANGED, 0.2), {"share": 0.2}),
        (RolloutWish(UNCHANGED), {}),
        (RolloutWish(STEPS), {"follows_steps": True}),
    ],
)
def test_what_is_left_open_is_left_out_of_the_command(wish: RolloutWish, data: dict[str, Any]) -> None:
    assert wish.data(UNTIL if wish.until else None) == data
    RolloutStartData.model_validate(data | {"version": "7"})


@pytest.mark.parametrize("wish", [RolloutWish("canary", 0.0), RolloutWish("split", 1.5), RolloutWish(STEPS, 0.5)])
def test_a_share_that_is_none_is_refused_before_anything_is_sent(wish: RolloutWish) -> None:
    with pytest.raises(DataError, match="share"):
        wish.data(None)


def test_an_action_says_what_it_will_do_before_it_is_confirmed() -> None:
    assert "the challenger answers 5 % of the listings" in start_effect(RolloutWish("canary"), "")
    assert "the champion answers every listing" in start_effect(RolloutWish("shadow", 0.5, "7d"), "")
    assert "shadow 1h, 0.5 1d" in start_effect(RolloutWish(STEPS), "shadow 1h, 0.5 1d")
    effect = adjust_effect(ROLLOUT, RolloutWish(UNCHANGED, 0.25, "7d"))
    assert "The canary of version 7 at 10 % of the listings becomes a canary at 25 %. It will end: 7d." in effect


def test_what_came_of_a_command_about_a_rollout_is_told_in_a_line() -> None:
    data = ModelEventData(version="7", mode="canary", share=0.1)
    start = StartRollout(data=RolloutStartData(version="7"))
    assert told_of_rollout(start, data) == "The canary of version 7 at 10 % of the listings has started."
    assert told_of_rollout(AdjustRollout(data=RolloutAdjustData()), data).endswith("is adjusted.")
    assert "version 7 is stopped" in told_of_rollout(StopRollout(), data)
