"""Commands to the training worker: sending one, waiting for its answer, and for the consumers to confirm it."""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis
from redis.exceptions import ResponseError

from schemas.commands import Command, ModelEvent
from schemas.errors import (
    ModelError,
    ModelNotFoundError,
    ModelRejectedError,
    NotConfirmedError,
    RegistryUnavailableError,
)
from schemas.states import LIVING_S, ConsumerHeartbeat
from schemas.streams import DATA_FIELD, TRAINERS, Streams
from transport.clock import now_ms
from transport.entries import EntryId

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation that a command brought about.

    Attributes:
        command_id: the command.
        version: the version that every consumer shall run.
        entry: entry id of its `model.activated`, by which consumers know it.
        confirmed: the consumers that run it, with the milliseconds that loading took where they told; None if nobody
            waited for them.
    """

    command_id: str
    version: str
    entry: str
    confirmed: Mapping[str, float | None] | None = None


class CommandSender:
    """The hand that gives commands to one domain.

    Args:
        client: for its Redis.
        streams: its keys.
    """

    def __init__(self, client: redis.Redis, streams: Streams) -> None:
        self._client = client
        self._streams = streams

    def send(self, command: Command) -> str:
        """Put a command on the stream; returns its entry id."""
        entry = self._client.xadd(self._streams.commands, {DATA_FIELD: command.model_dump_json()})
        return str(EntryId.parse(entry))

    def activate(self, command: Command, timeout_s: float, *, wait: bool) -> Activation:
        """Send a command that activates a model, and wait for its answer.

        Args:
            command: a reload, a rollback or a promotion.
            timeout_s: for everything together, in seconds.
            wait: also for every living consumer to confirm.

        Raises:
            ModelError: the model cannot be used, or the command was refused.
            RegistryUnavailableError: MLflow does not answer the worker.
            NotConfirmedError: no worker answered, or a living consumer did not confirm; the message names it.
        """
        deadline = time.monotonic() + timeout_s
        self.send(command)
        entry, event = self.wait_for_answer(command.id, deadline)
        if event.type != "model.activated":
            raise refusal_of(event)
        confirmed = self.wait_for_consumers(entry, deadline) if wait else None
        return Activation(command.id, event.data.version or "", entry, confirmed)

    def wait_for_answer(self, command_id: str, deadline: float) -> tuple[str, ModelEvent]:
        """The final event that answers a command, and its entry id.

        Args:
            command_id: the command's id.
            deadline: until when, by `time.monotonic`.

        Raises:
            NotConfirmedError: there was none in time; the message says whether a worker lives.
        """
        while (found := self._client.hget(self._streams.command_answers, command_id)) is None:
            if time.monotonic() > deadline:
                raise NotConfirmedError(self._why_unanswered(command_id))
            time.sleep(_POLL_S)
        entry = json.loads(found)["event"]
        event: Any = self._client.xrange(self._streams.model_events, entry, entry)
        ((_, fields),) = event
        return entry, ModelEvent.model_validate_json(fields[DATA_FIELD])

    def wait_for_consumers(self, activation: str, deadline: float) -> dict[str, float | None]:
        """Wait until every living consumer runs an activation or a later one; returns them with their load times.

        Args:
            activation: entry id of its `model.activated`.
            deadline: until when, by `time.monotonic`.

        Raises:
            NotConfirmedError: a living consumer did not confirm; the message names each that did not, and why.
        """
        told: dict[str, ModelEvent] = {}
        read_until = activation
        while True:
            for entry, event in self._events_after(read_until):
                read_until = entry
                if event.data.activation == activation and event.data.consumer:
                    told[event.data.consumer] = event
            swapped = {name for name, event in told.items() if event.type == "model.swapped"}
            living = self._living_consumers()
            missing = {name for name, beat in living.items() if name not in swapped and not _runs(beat, activation)}
            if not missing:
                return {name: told[name].data.load_ms if name in swapped else None for name in living}
            # whoever has rejected this activation will not run it later
            if time.monotonic() > deadline or missing <= told.keys():
                raise NotConfirmedError(_unconfirmed(missing, told))
            time.sleep(_POLL_S)

    def living_workers(self) -> list[str]:
        """Names of the training workers that have asked for commands lately."""
        try:
            found = self._client.xinfo_consumers(self._streams.commands, TRAINERS)
        except ResponseError:  # no stream or no group: nobody has ever asked
            return []
        return [worker["name"].decode() for worker in found if worker["idle"] <= LIVING_S * 1000]

    def _why_unanswered(self, command_id: str) -> str:
        workers = self.living_workers()
        if workers:
            return f"no answer yet: command {command_id} is with the training worker {', '.join(workers)}"
        return (
            f"no training worker runs: command {command_id} lies in {self._streams.commands} "
            "and will be carried out when one starts (`tasador trainer`)"
        )

    def _events_after(self, entry: str) -> list[tuple[str, ModelEvent]]:
        found: Any = self._client.xrange(self._streams.model_events, f"({entry}", "+")
        return [(str(EntryId.parse(at)), ModelEvent.model_validate_json(fields[DATA_FIELD])) for at, fields in found]

    def _living_consumers(self) -> dict[str, ConsumerHeartbeat]:
        at_ms = now_ms(self._client)
        beats = [ConsumerHeartbeat.model_validate_json(b) for b in self._client.hvals(self._streams.consumers)]
        return {b.name: b for b in beats if b.is_living(at_ms) and b.state != "stopping"}


def current_actor() -> str:
    """Who gives a command: user and host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _runs(beat: ConsumerHeartbeat, activation: str) -> bool:
    return beat.activation is not None and EntryId.parse(beat.activation) >= EntryId.parse(activation)


def refusal_of(event: ModelEvent) -> ModelError | RegistryUnavailableError:
    """The error that stands for an answer which activates nothing."""
    reason, message = event.data.reason or "unknown", event.data.message or "no reason was given"
    if reason == "registry_unavailable":
        return RegistryUnavailableError(message)
    if reason == "not_found":
        return ModelNotFoundError(message)
    return ModelRejectedError(reason, f"{reason}: {message}")


def _unconfirmed(missing: set[str], told: Mapping[str, ModelEvent]) -> str:
    def why(name: str) -> str:
        return f"{name} (rejected: {told[name].data.message})" if name in told else name

    return f"not confirmed by {', '.join(why(name) for name in sorted(missing))}"
