"""The gate's check on the outcomes of a rollout, in which the version answered beside the champion."""

from __future__ import annotations

from schemas.rollout_report import RolloutVerdict
from training.gate.report import Check


def outcomes_check(verdict: RolloutVerdict) -> Check:
    """Check that outcomes do not show the version to be worse.

    Outcomes that do not decide yet, or that are missing unevenly, say nothing for or against it.
    """
    if verdict.withheld is not None:
        return Check(name="outcomes", outcome="skipped", reason=verdict.withheld)
    if verdict.gain is None or verdict.low is None or verdict.high is None:
        return Check(name="outcomes", outcome="skipped", reason="the rollout has no outcomes yet")
    shown = (
        f"{verdict.verdict} by {verdict.outcomes} outcomes of the rollout: gain {100 * verdict.gain:.3g} % "
        f"({100 * verdict.low:.3g} to {100 * verdict.high:.3g} %); must not be worse"
    )
    return Check(name="outcomes", outcome="failed" if verdict.verdict == "worse" else "passed", reason=shown)
