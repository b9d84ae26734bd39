"""State that processes share through Redis: the desired model and heartbeats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, Field

from schemas.frozen_model import FrozenModel

HEARTBEAT_TIMEOUT_S = 15
"""A process is alive if its last heartbeat is at most this old."""


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


class LoopPause(FrozenModel):
    """An operator's pause of the retraining loop: the hash `loop`, which exists only while it lasts."""

    time: AwareDatetime
    actor: str
    command_id: str
    reason: str = ""

    @classmethod
    def from_hash(cls, fields: Mapping[bytes, bytes]) -> LoopPause | None:
        """Read it from the hash; None if the loop is not paused."""
        if not fields:
            return None
        return cls.model_validate({name.decode(): value.decode() for name, value in fields.items()})


class FormerModel(FrozenModel):
    """A version that answered before the desired one, and the champion of that time: what a rollback restores.

    The field `before` of the hash `commands:notes` holds them as a JSON list, oldest first, at most 100. The script
    that activates a model adds the version that it replaces; a rollback takes the last one away.
    """

    version: str
    champion: str = ""


class Activity(FrozenModel):
    """What a process is doing beside its main loop. Times are milliseconds of Redis's clock.

    Attributes:
        what: in a few words, such as ``training`` or ``loading version 2``.
        since_ms: when it began.
        phase: of a training: ingest, validate, train, evaluate, report, register or gate.
        phase_since_ms: when the phase began.
        detail: the last message about its progress.
        command_id: of the command that it is done for.
    """

    what: str
    since_ms: int
    phase: str | None = None
    phase_since_ms: int | None = None
    detail: str | None = None
    command_id: str | None = None

    def describe(self, now_ms: int) -> str:
        """In a line, with how long it has been going on."""
        text = f"{self.what} for {_seconds(now_ms, self.since_ms)} s"
        if self.phase is None or self.phase_since_ms is None:
            return text
        detail = f": {self.detail}" if self.detail else ""
        return f"{text} ({self.phase} for {_seconds(now_ms, self.phase_since_ms)} s{detail})"


class ProcessHeartbeat(FrozenModel):
    """A process's heartbeat. Times are milliseconds of Redis's clock."""

    name: str
    instance: str
    host: str
    pid: int
    port: int | None = None
    started_ms: int
    at_ms: int
    state: Literal["running", "waiting", "stopping"]
    reasons: tuple[str, ...] = ()
    activities: tuple[Activity, ...] = ()

    def is_living(self, now_ms: int) -> bool:
        """Whether the heartbeat is recent enough; one from before the clock was set back is not."""
        return abs(now_ms - self.at_ms) <= HEARTBEAT_TIMEOUT_S * 1000


class ConsumerHeartbeat(ProcessHeartbeat):
    """A consumer's heartbeat, with the model that it runs.

    Attributes:
        version: of the model that it runs.
        activation: of that model.
        rollout: entry id of the start of the rollout that it carries out; None where it has no challenger loaded.
        rollout_revision: the revision of the rollout that it carries out.
        challenger_problem: why it does not carry out the rollout that it should.
        shards: numbers of the shards that are its own.
        shards_epoch: how often the number of shards had changed when it last read it.
        lookups: the listings that it has looked up in the store of features since it started, by result.
    """

    version: str | None = None
    activation: str | None = None
    shards: tuple[int, ...] = ()
    shards_epoch: int = 0
    lookups: dict[str, int] = Field(default_factory=dict)
    rollout: str | None = None
    rollout_revision: str | None = None
    challenger_problem: str | None = None


class TrainerHeartbeat(ProcessHeartbeat):
    """A training worker's heartbeat, with what it saw in the registry; None before it answered.

    `is_worker` is False of a `tasador train`, which trains beside the workers and carries out no commands.
    """

    is_worker: bool = True
    champion: str | None = None
    versions: int | None = None


class MonitorHeartbeat(ProcessHeartbeat):
    """A monitor's heartbeat."""


class ExplainerHeartbeat(ProcessHeartbeat):
    """An explainer's heartbeat."""


class GatewayHeartbeat(ProcessHeartbeat):
    """A gateway's heartbeat; it writes one in each domain that it serves.

    Attributes:
        requests: answered for this domain since it started.
        refused: of these, with an error status.
        unserved_s: time since it last turned a listing away because nothing scored, in s; None if it never did.
    """

    requests: int = 0
    refused: int = 0
    unserved_s: float | None = None


class ConsoleHeartbeat(ProcessHeartbeat):
    """A console's heartbeat; it writes one in each domain that it shows."""


def _seconds(now_ms: int, since_ms: int) -> int:
    return max(now_ms - since_ms, 0) // 1000
