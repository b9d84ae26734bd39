"""The section of the settings about traces."""

from __future__ import annotations

from pydantic import Field, NonNegativeFloat

from schemas.sections import Section


class TracingSettings(Section):
    """Traces over OTLP, which are off without an endpoint."""

    endpoint: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        description="address of an OTLP receiver over HTTP, such as http://localhost:4318; null for no traces",
    )
    share: NonNegativeFloat = Field(
        0.01, le=1, description="share of the requests that the gateway traces if their callers do not decide"
    )
