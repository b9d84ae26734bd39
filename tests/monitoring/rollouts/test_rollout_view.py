"""`tasador rollout status` shows the monitor's report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from operations.rollouts import RolloutStatus
from schemas.rollout_report import ArmFigures, Guardrail, RolloutReport, RolloutVerdict
from schemas.rollouts import DesiredRollout
from tasador.cli.views.rollout import rollout_view

ROLLOUT = DesiredRollout(
    id="9-0", revision="9-0", mode="canary", version="8", digest="d", uri="u", share=0.25, salt="s", pairs=True,
    champion="7", follows_steps=True,
)  # fmt: skip


def view_of(verdict: RolloutVerdict, **fields: Any) -> list[str]:
    report = RolloutReport(
        rollout="9-0",
        time=datetime.now(UTC),
        mode="canary",
        share=0.25,
        version="8",
        champion="7",
        arms=(
            ArmFigures(arm="champion", version="7", answers=400, p99_ms=4.2, mean=22.1, outcomes=300, loss=2.5),
            ArmFigures(arm="challenger", version="8"),
        ),
        guardrails=(
            Guardrail(name="latency", value=2.0, limit=1.0, answers=300, message="p99 latency is 2 ms"),
            Guardrail(name="shift", limit=1.0, answers=3, message="3 answers are too few"),
        ),
        verdict=verdict,
        **fields,
    )
    return rollout_view(RolloutStatus(rollout=ROLLOUT, carried_out_by=("c1",), report=report)).splitlines()


def test_status_shows_arms_guardrails_step_and_verdict() -> None:
    verdict = RolloutVerdict(gain=0.031, low=-0.01, high=0.07, outcomes=300, more_outcomes=450)
    lines = view_of(verdict, step=3, steps=4, waits_for="60 s more with guardrails that hold")
    assert "steps        step 3 of 4; waits for 60 s more with guardrails that hold" in lines
    assert "champion     version 7; 400 answers; p99 4 ms; mean 22.1; error 2.5 over 300 outcomes" in lines
    assert "guardrail    latency broken: p99 latency is 2 ms" in lines
    assert "guardrail    shift unknown: 3 answers are too few" in lines
    assert lines[-1] == (
        "verdict      undecided: +3.1% (-1.0% to +7.0%) over 300 outcomes; "
        "about 450 more decide if the difference stays as it is"
    )


@pytest.mark.parametrize(
    ("verdict", "text"),
    [
        (RolloutVerdict(), "verdict      undecided"),
        (RolloutVerdict(verdict="better", gain=0.1, low=0.05, high=0.15, outcomes=200, more_outcomes=0),
         "verdict      better: +10.0% (+5.0% to +15.0%) over 200 outcomes"),
        (RolloutVerdict(withheld="outcomes are missing unevenly"),
         "verdict      undecided; withheld, because outcomes are missing unevenly"),
    ],
)  # fmt: skip
def test_verdict_is_one_line(verdict: RolloutVerdict, text: str) -> None:
    assert view_of(verdict)[-1] == text


def test_status_without_a_report_asks_for_the_monitor() -> None:
    lines = rollout_view(RolloutStatus(rollout=ROLLOUT, carried_out_by=("c1",))).splitlines()
    assert lines[-1] == "report       none yet: does a monitor run?"
