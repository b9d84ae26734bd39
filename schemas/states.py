"""What parts keep in Redis about themselves: the desired model and the heartbeats of consumers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

LIVING_S = 15
"""A consumer lives if its last heartbeat is at most this many seconds old."""


class DesiredModel(BaseModel):
    """The model that every consumer shall run: the hash `model`, written together with `model.activated`.

    Attributes:
        activation: entry id of the `model.activated` event; later activations win.
        version: its version in the registry.
        digest: sha256 of the stored artifact, as recorded at registration.
        uri: where the artifact lies (file path or MLflow artifact URI).
        command_id: the command that asked for it, if one did.
    """

    model_config = ConfigDict(frozen=True)

    activation: str
    version: str
    digest: str
    uri: str
    command_id: str | None = None

    @classmethod
    def from_hash(cls, fields: Mapping[bytes, bytes]) -> DesiredModel | None:
        """Read it from the hash; None where no model has been activated yet."""
        return cls(**{k.decode(): v.decode() for k, v in fields.items()}) if fields else None


class ConsumerHeartbeat(BaseModel):
    """A consumer's sign of life. Times are milliseconds of Redis's clock."""

    model_config = ConfigDict(frozen=True)

    name: str
    instance: str
    host: str
    pid: int
    port: int | None = None
    started_ms: int
    at_ms: int
    state: Literal["starting", "running", "waiting", "stopping"]
    reasons: tuple[str, ...] = ()
    version: str | None = None
    activation: str | None = None

    def is_living(self, now_ms: int) -> bool:
        """Whether the consumer gave this sign recently enough."""
        return now_ms - self.at_ms <= LIVING_S * 1000
