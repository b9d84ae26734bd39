"""The report on a rollout, which the monitor writes: its arms, its guardrails, and the verdict on outcomes."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from schemas.frozen_model import FrozenModel
from schemas.rollouts import ArmName, RolloutMode

VerdictWord = Literal["better", "worse", "same", "undecided"]
"""What outcomes say about the challenger: `same` if the difference is within `rollout.same_within` both ways."""


class ArmFigures(FrozenModel):
    """One model of a rollout, over its newest answers.

    Attributes:
        arm: whose.
        version: of the model.
        answers: predictions of the newest ones that were assigned to the arm.
        per_s: their rate, in predictions a second; None with too few of them.
        p50_ms: median time from listing to answer; None without answers.
        p99_ms: 99th percentile of it.
        imputed_share: share of its answers with a feature that was imputed.
        mean: of what the model says to the listings of the rollout, in the target's unit; None for classes.
        sd: standard deviation of it.
        classes: share of each class among what it says; None for numbers.
        us_per_row: time that the model takes for a row, in microseconds; None without pairs.
        outcomes: number of outcomes of the arm that count in the verdict.
        labelled_share: share of the arm's mature predictions that have an outcome; None without mature ones.
        loss: mean absolute error, or share of wrong classes, over these outcomes; None without any.
    """

    arm: ArmName
    version: str
    answers: int = 0
    per_s: float | None = None
    p50_ms: float | None = None
    p99_ms: float | None = None
    imputed_share: float | None = None
    mean: float | None = None
    sd: float | None = None
    classes: dict[str, float] | None = None
    us_per_row: float | None = None
    outcomes: int = 0
    labelled_share: float | None = None
    loss: float | None = None


class Guardrail(FrozenModel):
    """One guardrail: what was measured of how many answers, and its limit; the rollout is stopped beyond it.

    `value` is None while there are too few answers to measure it.
    """

    name: str
    value: float | None = None
    limit: float
    answers: int
    message: str

    @property
    def is_broken(self) -> bool:
        """Whether it was measured and is beyond its limit."""
        return self.value is not None and self.value > self.limit


class SegmentGain(FrozenModel):
    """How much better the challenger is in a part of a segment, as the verdict's gain; it decides nothing."""

    part: str
    outcomes: int
    gain: float


class RolloutVerdict(FrozenModel):
    """What outcomes say about the challenger, however often one looks.

    Gains are shares of the champion's mean absolute error; of classes, differences of the shares of right answers.

    Attributes:
        verdict: `undecided` as long as it is withheld, too.
        gain: by how much the challenger is better; negative if it is worse. None without outcomes.
        low: lower end of the interval of the gain; None without outcomes enough for an interval.
        high: upper end.
        outcomes: outcomes that it is based on: of pairs, or of both arms together.
        units: subjects or hours among them, whose means are compared.
        is_paired: whether both models answered each listing that counts.
        more_outcomes: how many more it may take to a verdict if the gain stays as it is; None if very many.
        withheld: why there is no verdict, although there are outcomes enough; None if it is not withheld.
        segments: gains by part of a segment.
    """

    verdict: VerdictWord = "undecided"
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    outcomes: int = 0
    units: int = 0
    is_paired: bool = True
    more_outcomes: int | None = None
    withheld: str | None = None
    segments: tuple[SegmentGain, ...] = ()


class LoggedVerdict(FrozenModel):
    """An entry of the stream `rollout:verdicts`: a verdict while it was the newest, without its segments.

    Attributes:
        rollout: entry id of its `rollout.started`.
        verdict: with an interval.
    """

    rollout: str
    verdict: RolloutVerdict


class RolloutReport(FrozenModel):
    """The key `rollout:report`: the newest report on the rollout, or on the last one after its end.

    Attributes:
        rollout: entry id of its `rollout.started`.
        time: of the report.
        mode: who answers the listings that it concerns.
        share: of the listings that it concerns.
        version: of the challenger.
        champion: version of the model beside it.
        arms: the champion's, then the challenger's.
        guardrails: all that apply.
        verdict: on the outcomes.
        step: which step of `rollout.steps` it is at, from 1; None if it does not follow them.
        steps: how many there are.
        waits_for: what the next step waits for; None if it does not follow steps.
    """

    rollout: str
    time: AwareDatetime
    mode: RolloutMode
    share: float
    version: str
    champion: str
    arms: tuple[ArmFigures, ArmFigures]
    guardrails: tuple[Guardrail, ...]
    verdict: RolloutVerdict
    step: int | None = None
    steps: int = 0
    waits_for: str | None = None
