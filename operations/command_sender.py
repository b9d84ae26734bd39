"""Sends commands to the training worker, and waits for its answer and for the consumers to confirm it."""

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
from schemas.states import HEARTBEAT_TIMEOUT_S, ConsumerHeartbeat
from schemas.streams import DATA_FIELD, TRAINERS, Streams
from transport.clock import now_ms
from transport.entries import EntryId

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Activation:
    """The activation that resulted from a command.

    Attributes:
        command_id: id of the command.
        version: the version that every consumer must run.
        entry: entry id of its `model.activated`; consumers identify the activation by it.
        confirmed: the consumers that run it, with the load time in ms where they reported one; None if the sender did
            not wait for them.
    """

    command_id: str
    version: str
    entry: str
    confirmed: Mapping[str, float | None] | None = None


class CommandSender:
    """Sends commands to the training workers of one domain and waits for their answers."""

    def __init__(self, client: redis.Redis, streams: Streams) -> None:
        self._client = client
        self._streams = streams

    def send(self, command: Command) -> str:
        """Add a command to the stream; returns its entry id."""
        entry = self._client.xadd(self._streams.commands, {DATA_FIELD: command.model_dump_json()})
        return str(EntryId.parse(entry))

    def activate(self, command: Command, timeout_s: float, *, wait: bool) -> Activation:
        """Send a command that activates a model, and wait for its answer.

        Args:
            command: a reload, a rollback or a promotion.
            timeout_s: limit for the whole call, in seconds.
            wait: also wait for every living consumer to confirm.

        Raises:
            ModelError: the model cannot be used, or the worker refused the command.
            RegistryUnavailableError: MLflow does not answer the worker.
            NotConfirmedError: no worker answered, or a living consumer did not confirm; the message names it.
        """
        deadline = time.monotonic() + timeout_s
        self.send(command)
        entry, event = self.wait_for_answer(command.id, deadline)
        if event.type != "model.activated":
            raise error_of(event)
        confirmed = self.wait_for_consumers(entry, deadline) if wait else None
        return Activation(command.id, event.data.version or "", entry, confirmed)

    def wait_for_answer(self, command_id: str, deadline: float) -> tuple[str, ModelEvent]:
        """Wait for the final event of a command; returns its entry id and the event.

        Args:
            command_id: the command's id.
            deadline: when to give up, by `time.monotonic`.

        Raises:
            NotConfirmedError: no answer came in time; the message says whether a worker is running.
        """
        while (answer := self._client.hget(self._streams.command_replies, command_id)) is None:
            if time.monotonic() > deadline:
                raise NotConfirmedError(self._explain_missing_answer(command_id))
            time.sleep(_POLL_S)
        entry = json.loads(answer)["event"]
        event: Any = self._client.xrange(self._streams.model_events, entry, entry)
        ((_, fields),) = event
        return entry, ModelEvent.model_validate_json(fields[DATA_FIELD])

    def wait_for_consumers(self, activation: str, deadline: float) -> dict[str, float | None]:
        """Wait until every living consumer runs an activation or a later one; returns them with their load times.

        Args:
            activation: entry id of its `model.activated`.
            deadline: when to give up, by `time.monotonic`.

        Raises:
            NotConfirmedError: a living consumer did not confirm; the message names each of them with the reason.
        """
        replies: dict[str, ModelEvent] = {}
        read_until = activation
        while True:
            for entry, event in self._events_after(read_until):
                read_until = entry
                if event.data.activation == activation and event.data.consumer:
                    replies[event.data.consumer] = event
            swapped = {name for name, event in replies.items() if event.type == "model.swapped"}
            living = self._living_consumers()
            missing = {name for name, last in living.items() if name not in swapped and not _runs(last, activation)}
            if not missing:
                return {name: replies[name].data.load_ms if name in swapped else None for name in living}
            # a consumer that has rejected this activation will not run it later
            if time.monotonic() > deadline or missing <= replies.keys():
                raise NotConfirmedError(_explain_unconfirmed(missing, replies))
            time.sleep(_POLL_S)

    def living_workers(self) -> list[str]:
        """Names of the training workers that have read the commands lately."""
        try:
            workers = self._client.xinfo_consumers(self._streams.commands, TRAINERS)
        except ResponseError:  # no stream or no group: no worker has ever run
            return []
        return [worker["name"].decode() for worker in workers if worker["idle"] <= HEARTBEAT_TIMEOUT_S * 1000]

    def _explain_missing_answer(self, command_id: str) -> str:
        workers = self.living_workers()
        if workers:
            return f"no answer yet: the training worker {', '.join(workers)} has command {command_id}"
        return (
            f"no training worker runs: command {command_id} stays in {self._streams.commands} "
            "until one starts and carries it out (`tasador trainer`)"
        )

    def _events_after(self, entry: str) -> list[tuple[str, ModelEvent]]:
        entries: Any = self._client.xrange(self._streams.model_events, f"({entry}", "+")
        return [(str(EntryId.parse(at)), ModelEvent.model_validate_json(fields[DATA_FIELD])) for at, fields in entries]

    def _living_consumers(self) -> dict[str, ConsumerHeartbeat]:
        at_ms = now_ms(self._client)
        heartbeats = [ConsumerHeartbeat.model_validate_json(h) for h in self._client.hvals(self._streams.consumers)]
        return {h.name: h for h in heartbeats if h.is_living(at_ms) and h.state != "stopping"}


def current_actor() -> str:
    """The user and host of this process, as the actor of a command."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def error_of(event: ModelEvent) -> ModelError | RegistryUnavailableError:
    """The error for an event that reports that no model was activated."""
    reason, message = event.data.reason or "unknown", event.data.message or "no reason was given"
    if reason == "registry_unavailable":
        return RegistryUnavailableError(message)
    if reason == "not_found":
        return ModelNotFoundError(message)
    return ModelRejectedError(reason, f"{reason}: {message}")


def _runs(heartbeat: ConsumerHeartbeat, activation: str) -> bool:
    return heartbeat.activation is not None and EntryId.parse(heartbeat.activation) >= EntryId.parse(activation)


def _explain_unconfirmed(missing: set[str], replies: Mapping[str, ModelEvent]) -> str:
    def describe(name: str) -> str:
        return f"{name} (rejected: {replies[name].data.message})" if name in replies else name

    return f"not confirmed by {', '.join(describe(name) for name in sorted(missing))}"
