"""The section of the settings about the gateway."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from schemas.sections import Section


class GatewaySettings(Section):
    """The gateway, which serves HTTP in front of the streams."""

    timeout_s: PositiveFloat = Field(5.0, description="time that a request waits for its answer, in s")
    request_timeout_s: PositiveFloat = Field(
        10.0, description="time in which the head, the body and the reading of an answer each must be done, in s"
    )
    max_body_bytes: PositiveInt = Field(8_388_608, description="largest size of a request's body, in bytes")
    max_batch: PositiveInt = Field(10_000, description="largest number of listings in a request")
    max_connections: PositiveInt = Field(2_048, description="connections above which requests are answered with 503")
    requests_per_minute: NonNegativeInt = Field(
        100, description="requests a minute and key; 0 for no limit; without keys there is none"
    )
    tls_certificate: Path | None = Field(None, description="certificate chain for HTTPS, a PEM file; needs `tls_key`")
    tls_key: Path | None = Field(None, description="private key for HTTPS, a PEM file")

    @model_validator(mode="after")
    def _has_both(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key must be set together")
        return self
