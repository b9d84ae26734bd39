"""The section `features` of the settings."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from schemas.sections import Section


class FeatureStoreSettings(Section):
    """Stored features, which listings with a subject take where their event has none."""

    is_on: bool = Field(default=True, description="whether consumers look for stored features")
    max_age_s: PositiveInt = Field(7 * 86_400, description="age after which stored features are not used, in s")
