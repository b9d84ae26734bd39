"""The rollout as operators see it: what is desired, and which consumers carry it out; and commands about it."""

from __future__ import annotations

import time
from typing import Any

import redis
from pydantic import Field

from operations.command_sender import CommandSender
from operations.processes import read_processes
from schemas.commands import AdjustRollout, ModelEvent, Promote, StartRollout, StopRollout
from schemas.errors import ModelNotFoundError, NotConfirmedError
from schemas.frozen_model import FrozenModel
from schemas.rollout_report import RolloutReport
from schemas.rollouts import DesiredRollout
from schemas.states import ConsumerHeartbeat
from schemas.streams import Streams
from transport.entries import EntryId

_POLL_S = 0.05


class RolloutStatus(FrozenModel):
    """The rollout of a domain.

    Attributes:
        rollout: the desired one; None if there is none.
        carried_out_by: living consumers that carry it out as it is desired now.
        missing: the other living consumers, each with why it does not.
        failures: how many consumers died with its challenger loaded.
        report: the monitor's newest report on it; None before the first.
    """

    rollout: DesiredRollout | None = None
    carried_out_by: tuple[str, ...] = ()
    missing: dict[str, str] = Field(default_factory=dict)
    failures: int = 0
    report: RolloutReport | None = None


class RolloutCommandResult(FrozenModel):
    """What came of a command about the rollout.

    Attributes:
        command_id: id of the command.
        result: the type of the event that replied.
        rollout: entry id of the rollout's start.
        version: of the challenger.
        mode: of the rollout.
        share: of the listings that it concerns.
        confirmed: with --wait: the consumers that do as the command says.
    """

    command_id: str
    result: str
    rollout: str
    version: str
    mode: str
    share: float
    confirmed: tuple[str, ...] | None = None


def read_rollout(client: redis.Redis, streams: Streams) -> RolloutStatus:
    """Read the rollout, and who carries it out.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    stored: Any = client.hgetall(streams.rollout)
    rollout = DesiredRollout.from_hash(stored)
    if rollout is None:
        return RolloutStatus()
    reported: Any = client.get(streams.rollout_report)
    report = RolloutReport.model_validate_json(reported) if reported else None
    failures: Any = client.hget(streams.challenger_failures, rollout.id)
    living = _living(client, streams)
    missing = {beat.name: _why_missing(beat) for beat in living if not _has_applied(beat, rollout.revision)}
    return RolloutStatus(
        rollout=rollout,
        carried_out_by=tuple(beat.name for beat in living if beat.name not in missing),
        missing=missing,
        failures=int(failures or 0),
        report=report if report is not None and report.rollout == rollout.id else None,
    )


class RolloutSender:
    """Sends the commands about the rollout of one domain.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: the domain's name, for what messages advise.
    """

    def __init__(self, client: redis.Redis, streams: Streams, domain: str) -> None:
        self._client = client
        self._streams = streams
        self._sender = CommandSender(client, streams, domain)

    def carry_out(
        self, command: StartRollout | AdjustRollout | StopRollout, timeout_s: float, *, wait: bool
    ) -> RolloutCommandResult:
        """Send a command, and wait for its answer.

        Args:
            command: about the rollout.
            timeout_s: limit for the whole call, in seconds.
            wait: also wait for every living consumer to do as it says.

        Raises:
            ModelError: the challenger cannot be used, or the worker refused the command.
            RegistryUnavailableError: MLflow does not answer the worker.
            NotConfirmedError: no worker answered, or a living consumer did not confirm; the message names it.
        """
        deadline = time.monotonic() + timeout_s
        event = self._sender.carry_out(command, timeout_s)
        entry = self._sender.entry_of(command.id)
        is_over = isinstance(command, StopRollout)
        confirmed = self._wait_for_consumers(None if is_over else entry, deadline) if wait else None
        return _result_of(command.id, entry, event, confirmed)

    def find_promotion(self, *, force: bool, reason: str, actor: str) -> Promote:
        """The command that promotes the challenger of the rollout.

        Raises:
            ModelNotFoundError: there is no rollout.
        """
        rollout = read_rollout(self._client, self._streams).rollout
        if rollout is None:
            raise ModelNotFoundError("no rollout is running, so there is no challenger to promote")
        data = {"version": rollout.version, "force": force, "reason": reason}
        return Promote.model_validate({"actor": actor, "data": data})

    def _wait_for_consumers(self, revision: str | None, deadline: float) -> tuple[str, ...]:
        """Wait until every living consumer has applied a revision; None: until none carries out a rollout."""
        while True:
            living = _living(self._client, self._streams)
            missing = [beat for beat in living if not _has_applied(beat, revision)]
            if not missing:
                return tuple(beat.name for beat in living)
            # a consumer that has refused the challenger will not load it later
            if time.monotonic() > deadline or all(beat.challenger_problem for beat in missing):
                named = ", ".join(f"{beat.name} ({_why_missing(beat)})" for beat in missing)
                raise NotConfirmedError(f"not confirmed by {named}")
            time.sleep(_POLL_S)


def _result_of(
    command_id: str, entry: str, event: ModelEvent, confirmed: tuple[str, ...] | None
) -> RolloutCommandResult:
    data = event.data
    return RolloutCommandResult(
        command_id=command_id,
        result=event.type,
        rollout=data.rollout or entry,
        version=data.version or "",
        mode=data.mode or "",
        share=data.share or 0.0,
        confirmed=confirmed,
    )


def _living(client: redis.Redis, streams: Streams) -> list[ConsumerHeartbeat]:
    consumers = read_processes(client, streams).consumers
    return [each.heartbeat for each in consumers if each.is_living and each.heartbeat.state != "stopping"]


def _has_applied(beat: ConsumerHeartbeat, revision: str | None) -> bool:
    if revision is None:
        return beat.rollout is None
    return beat.rollout_revision is not None and EntryId.parse(beat.rollout_revision) >= EntryId.parse(revision)


def _why_missing(beat: ConsumerHeartbeat) -> str:
    if beat.challenger_problem:
        return beat.challenger_problem
    doing = ", ".join(activity.what for activity in beat.activities)
    return doing or ("has not read the change yet" if beat.rollout else "has not loaded the challenger yet")
