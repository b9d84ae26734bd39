"""The quality report: the error of predictions against outcomes over rolling time spans."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from schemas.events import EventEnvelope
from schemas.frozen_model import FrozenModel

Span = Literal["24h", "7d", "30d"]
ALL = "all"
LOST_CHANCE = 0.001
"""Chance of the recent coverage below which it counts as lost."""
VERSION_PREFIX = "version "
ARM_PREFIX = "arm "
"""Begins the name of the part of an arm: the predictions that rollouts assigned to it in that time."""


class ClassQuality(FrozenModel):
    """Quality of the predictions of one class, among those with an outcome.

    Attributes:
        name: of the class.
        outcomes: number of outcomes that are this class.
        predicted: number of predictions that name this class.
        correct: number of predictions that name it rightly.
        recall: share of the outcomes that were predicted; None without outcomes.
        precision: share of the predictions that were right; None without predictions.
    """

    name: str
    outcomes: int
    predicted: int
    correct: int
    recall: float | None = None
    precision: float | None = None


class Quality(FrozenModel):
    """Quality of all predictions of one span, or of a part of them; a metric without outcomes is None.

    Attributes:
        part: ``all``, ``version 7``, ``arm challenger`` of rollouts, or a part of a segment such as ``CHAS 1`` and
            ``LSTAT 3 of 3``.
        predictions: number of predictions; None for segments, which are known only with an outcome.
        labelled: number of predictions with an outcome.
        labelled_share: share of the predictions with an outcome.
        fast_share: share of the predictions made within `outcomes.fast_ms`.
        mae: mean absolute error, in the target's unit.
        rmse: root mean squared error, in the target's unit.
        r2: share of the outcomes' variance that predictions explain.
        bias: mean of prediction minus outcome, in the target's unit.
        far_share: share of the labelled predictions with an error above `outcomes.far_off`.
        accuracy: share of correct classes.
        macro_f1: mean over the occurring classes of the harmonic mean of precision and recall.
        ranged: number of labelled predictions with an interval or a prediction set.
        coverage: share of them whose interval or set holds the outcome.
        coverage_low: lower end of the 95 % interval of this share.
        coverage_high: upper end.
        promised: mean coverage that they promised.
        width: mean width in the target's unit, or mean number of classes.
        classes: each occurring class by name; only of the part ``all`` in a domain of classes.
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
    ranged: int | None = None
    coverage: float | None = None
    coverage_low: float | None = None
    coverage_high: float | None = None
    promised: float | None = None
    width: float | None = None
    classes: tuple[ClassQuality, ...] | None = None


class SuddenLoss(FrozenModel):
    """A sudden increase of the error: its mean before and after, and the time of detection."""

    time: AwareDatetime
    before: float
    after: float


class RecentCoverage(FrozenModel):
    """How many of the latest outcomes the active version's intervals or prediction sets hold.

    Attributes:
        version: of the model.
        outcomes: number of outcomes.
        covered: number of those that are held.
        promised: coverage that the model promises.
        chance: probability of so few or fewer, if outcomes are like the rows that the model was calibrated on.
    """

    version: str
    outcomes: int
    covered: int
    promised: float
    chance: float

    @property
    def is_lost(self) -> bool:
        """Whether so few are a sign that the promise no longer holds."""
        return self.chance < LOST_CHANCE


class QualityReport(FrozenModel):
    """The quality of predictions by the time at which they were made.

    Attributes:
        domain: of the predictions.
        spans: the quality of each span's parts; ``all`` is first.
        waiting: outcomes without a prediction yet, including orphans.
        orphaned: outcomes that have waited longer than `outcomes.orphan_hours`.
        sudden_loss: the latest one among the recent errors.
        recent_coverage: of the latest outcomes; None if they are too few, or the active model has no calibration.
    """

    domain: str
    spans: dict[Span, tuple[Quality, ...]]
    waiting: int
    orphaned: int
    sudden_loss: SuddenLoss | None = None
    recent_coverage: RecentCoverage | None = None

    def quality(self, span: Span, part: str = ALL) -> Quality:
        """The quality of one part; without values if the report does not contain the part."""
        return next((one for one in self.spans[span] if one.part == part), Quality(part=part))


class QualityEvent(EventEnvelope):
    """The event with a quality report."""

    type: Literal["quality.reported"] = "quality.reported"
    data: QualityReport
