"""What is said about quality: how far predictions were from the outcomes that came, over rolling windows."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Span = Literal["24h", "7d", "30d"]
SPANS: tuple[Span, ...] = ("24h", "7d", "30d")
ALL = "all"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class Quality(_Part):
    """Quality of the predictions of one span, of all of them or of a part; None for what no outcome tells.

    Attributes:
        part: ``all``, ``version 7``, or a part of a segment such as ``CHAS 1`` and ``LSTAT 3 of 3``.
        predictions: how many were made; None for segments, which are known only of what has an outcome.
        labelled: how many of them have an outcome.
        labelled_share: of the predictions.
        fast_share: share of the predictions made within `outcomes.fast_ms`.
        mae: mean absolute error, in the target's unit.
        rmse: root of the mean squared error, in the target's unit.
        r2: share of the outcomes' variance that predictions explain.
        bias: mean of prediction minus outcome, in the target's unit.
        far_share: share of the labelled with an error above `outcomes.far_off`.
        accuracy: share of classes that were right.
        macro_f1: mean over the classes that occur of the harmonic mean of precision and recall.
    """

    part: str
    predictions: int | None = None
    labelled: int = 0
    labelled_share: float | None = None
    fast_share: float | None = None
    mae: float | None = None
    rmse: float | None = None
    r2: float | None = None
    bias: float | None = None
    far_share: float | None = None
    accuracy: float | None = None
    macro_f1: float | None = None


class SuddenLoss(_Part):
    """The errors grew at once: their mean before and after, and when that was noticed."""

    time: AwareDatetime
    before: float
    after: float


class QualityReport(_Part):
    """How good predictions were, by the time at which they were made.

    Attributes:
        domain: whose predictions.
        spans: for each span the figures of its parts; ``all`` comes first.
        waiting: outcomes whose prediction has not been found, those given up included.
        orphaned: of these, how many have waited longer than `outcomes.orphan_hours`.
        sudden_loss: the latest one within the errors that are remembered.
    """

    domain: str
    spans: dict[Span, tuple[Quality, ...]]
    waiting: int
    orphaned: int
    sudden_loss: SuddenLoss | None = None

    def quality(self, span: Span, part: str = ALL) -> Quality:
        """The figures of one part; empty ones where nothing is known of it."""
        return next((one for one in self.spans[span] if one.part == part), Quality(part=part))


class QualityEvent(BaseModel):
    """A report as it stands on the stream."""

    model_config = ConfigDict(extra="allow", frozen=True)

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(default_factory=lambda: str(uuid.uuid4()))
    source: str
    type: Literal["quality.reported"] = "quality.reported"
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    data: QualityReport
