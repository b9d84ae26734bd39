"""The contracts of what-if: what the model would answer to a changed listing, which is no listing of the stream."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from schemas.events import REPLY_NAME_PATTERN, DeadLetter, Prediction, PredictionData
from schemas.explanations import ExplanationData
from schemas.frozen_model import FrozenModel
from schemas.states import DesiredModel

WHAT_IF_EXPIRES_MS = 60_000
"""Questions and answers expire after this time."""

WouldBeAnswer: TypeAlias = Annotated[Prediction | DeadLetter, Field(discriminator="type")]
"""What a consumer would write."""


class WhatIfQuestion(FrozenModel):
    """A question on the list `what-if`.

    Attributes:
        id: names the list of its answer.
        listing: the event's JSON, as it would be published.
        model: that is asked.
    """

    id: Annotated[str, Field(pattern=REPLY_NAME_PATTERN)]
    listing: str
    model: DesiredModel


class WhatIfAnswer(FrozenModel):
    """What the model would answer: an answer, or a problem.

    Attributes:
        answer: as a consumer would write it, the refusal of a bad value included; its id is of no entry.
        explanation: of the prediction.
        problem: why there is no answer: the model cannot be loaded now or at all, or cannot be explained.
    """

    answer: WouldBeAnswer | None = None
    explanation: ExplanationData | None = None
    problem: str | None = None

    @property
    def prediction(self) -> PredictionData | None:
        """What would be predicted; None if nothing would be."""
        return self.answer.data if isinstance(self.answer, Prediction) else None

    @property
    def why_not(self) -> str:
        """Why nothing would be predicted, with the fields at fault; empty if it would be."""
        if not isinstance(self.answer, DeadLetter):
            return self.problem or ""
        errors = "; ".join(
            f"{each.field}: {each.message}" if each.field else each.message for each in self.answer.data.errors
        )
        return f"the stream would refuse this ({self.answer.data.reason}): {errors}"
