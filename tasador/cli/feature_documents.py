"""The JSON documents of `tasador features`."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from schemas.frozen_model import FrozenModel


class WrittenFeatures(FrozenModel):
    """What `features put` has stored, or with --dry-run could store."""

    subjects: int
    is_dry: bool


class FeaturesOfSubject(FrozenModel):
    """What `features get` has found."""

    subject: str
    at: datetime | None = Field(description="when the values were true; None if that is not stored")
    age_s: float | None
    is_fresh: bool = Field(description="whether it is young enough for consumers to use it")
    features: dict[str, int | float | str]


class ExpiredFeatures(FrozenModel):
    """Of how many subjects `features expire` has removed something."""

    subjects: int
