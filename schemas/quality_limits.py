"""What a domain asks of its models and predictions, in the target's own unit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """Limits of one domain; each is None if the domain declares none.

    Attributes:
        min_rows: fewest training rows of a version that may become champion; by default `gate.min_rows`.
        max_rmse: largest rmse of a regression over folds, in the target's unit.
        min_r2: smallest r2 of a regression.
        min_accuracy: smallest accuracy of a classification.
        within: error up to which a prediction counts as near in reports, in the target's unit.
        far_off: error from which a prediction counts as far off in production, in the target's unit; by default
            `outcomes.far_off`.
    """

    min_rows: int | None = None
    max_rmse: float | None = None
    min_r2: float | None = None
    min_accuracy: float | None = None
    within: float | None = None
    far_off: float | None = None
