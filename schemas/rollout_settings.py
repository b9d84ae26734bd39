"""The section of the settings about rollouts."""

from __future__ import annotations

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from schemas.rollouts import parse_steps
from schemas.sections import Section


class RolloutSettings(Section):
    """Rollouts: a challenger beside the champion, its guardrails and its verdict."""

    max_failures: NonNegativeInt = Field(
        2, description="consumers that may die with the challenger loaded; one more stops the rollout"
    )
    timeout_s: PositiveFloat = Field(
        5.0, description="time for a batch after which a challenger counts as hanging and its consumer ends, in s"
    )
    pairs: bool = Field(
        default=True, description="whether both models score the listings of a rollout, unless its command says so"
    )
    pairs_kept: PositiveInt = Field(1_000_000, description="approximate number of pairs kept on the stream")
    steps: str = Field(
        "shadow 1h, 0.05 30m, 0.25 2h, 0.5 1d",
        description="steps of a progressive rollout: `shadow` or the share of a canary, each with its time",
    )
    mature_h: NonNegativeFloat = Field(
        24.0, description="age from which a prediction counts in the verdict, by when its outcome is known, in hours"
    )
    min_pairs: PositiveInt = Field(100, description="pairs with an outcome that a verdict needs")
    min_outcomes: PositiveInt = Field(200, description="outcomes in the smaller arm that a verdict without pairs needs")
    same_within: PositiveFloat = Field(
        0.02, lt=1, description="largest difference of errors that counts as the same, as a share of the champion's"
    )
    min_answers: PositiveInt = Field(200, description="answers of an arm that a guardrail needs")
    max_fallback_share: NonNegativeFloat = Field(
        0.01, le=1, description="largest share of the challenger's listings that the champion answers in its place"
    )
    max_poison_share: NonNegativeFloat = Field(0.01, le=1, description="largest share of listings that become poison")
    max_p99_ms: PositiveFloat = Field(1000.0, description="largest 99th percentile of an arm's answer time, in ms")
    max_us_per_row: PositiveFloat = Field(100.0, description="largest time of a challenger per row, in µs")
    max_shift_sd: PositiveFloat = Field(
        1.0, description="largest shift of the challenger's mean prediction, in the champion's sd"
    )

    @field_validator("steps")
    @classmethod
    def _are_steps(cls, text: str) -> str:
        if not parse_steps(text):
            raise ValueError("name at least one step, such as `shadow 1h`")
        return text
