"""The section of the settings about the console."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, PositiveFloat, model_validator

from schemas.sections import Section


class ConsoleSettings(Section):
    """The console, the web page for operators."""

    public_url: str | None = Field(
        None,
        description="address at which browsers reach the console, with its path, where it is not this machine: "
        "https://ops.example.com/tasador",
    )
    read_without_key: bool = Field(
        default=False, description="whether everyone who reaches the public address may look; on loopback everyone may"
    )
    session_hours: PositiveFloat = Field(12.0, description="time after which an operator logs in again, in h")

    @model_validator(mode="after")
    def _has_scheme_and_host(self) -> Self:
        if self.public_url is None:
            return self
        parts = urlsplit(self.public_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("public_url must be an address such as https://ops.example.com/tasador")
        return self

    @property
    def path(self) -> str:
        """Path under which the console is served, without a final slash."""
        return urlsplit(self.public_url).path.rstrip("/") if self.public_url else ""

    @property
    def origin(self) -> str | None:
        """Scheme, host and port of the public address, as browsers send them."""
        if self.public_url is None:
            return None
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    @property
    def is_secure(self) -> bool:
        """Whether browsers reach it by HTTPS."""
        return self.public_url is not None and self.public_url.startswith("https:")
