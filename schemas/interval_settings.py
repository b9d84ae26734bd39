"""The section of the settings about intervals and prediction sets."""

from __future__ import annotations

from pydantic import Field, NonNegativeFloat

from schemas.sections import Section


class IntervalSettings(Section):
    """Intervals of predicted numbers, and prediction sets of predicted classes, which training calibrates."""

    coverage: float | None = Field(
        0.9, ge=0.5, le=0.999, description="share of true values that they hold; null for no intervals"
    )
    max_wider: NonNegativeFloat = Field(
        0.2, description="share by which a version's may be wider than the champion's at the gate"
    )
