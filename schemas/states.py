"""State that processes share through Redis: the desired model and the consumers' heartbeats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from schemas.frozen_model import FrozenModel

HEARTBEAT_TIMEOUT_S = 15
"""A consumer is alive if its last heartbeat is at most this old."""


class DesiredModel(FrozenModel):
    """The model that every consumer must serve: the hash `model`, written atomically with `model.activated`.

    Attributes:
        activation: entry id of the `model.activated` event; the latest activation wins.
        version: its version in the registry.
        digest: SHA-256 of the stored artifact, as recorded at registration.
        uri: of the artifact (file path or MLflow artifact URI).
        command_id: the command that activated it, if one did.
    """

    activation: str
    version: str
    digest: str
    uri: str
    command_id: str | None = None

    @classmethod
    def from_hash(cls, fields: Mapping[bytes, bytes]) -> DesiredModel | None:
        """Read it from the hash; None if no model has been activated yet."""
        return cls(**{k.decode(): v.decode() for k, v in fields.items()}) if fields else None


class ConsumerHeartbeat(FrozenModel):
    """A consumer's heartbeat. Times are milliseconds of Redis's clock."""

    name: str
    instance: str
    host: str
    pid: int
    port: int | None = None
    started_ms: int
    at_ms: int
    state: Literal["running", "waiting", "stopping"]
    reasons: tuple[str, ...] = ()
    version: str | None = None
    activation: str | None = None

    def is_living(self, now_ms: int) -> bool:
        """Whether the heartbeat is recent enough; one from before the clock was set back is not."""
        return abs(now_ms - self.at_ms) <= HEARTBEAT_TIMEOUT_S * 1000
