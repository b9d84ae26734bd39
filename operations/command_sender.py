"""Sends commands to the training worker, and waits for its answer and for the consumers to confirm it."""

from __future__ import annotations

import getpass
import json
import os
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from operations.processes import ConsumerStatus, read_processes
from schemas.command_line import spell_command
from schemas.commands import Command, ModelEvent
from schemas.errors import (
    ModelError,
    ModelNotFoundError,
    ModelRejectedError,
    NotConfirmedError,
    RegistryUnavailableError,
)
from schemas.states import ConsumerHeartbeat
from schemas.streams import DATA_FIELD, Streams
from service.trace_context import trace_attributes
from transport.entries import EntryId

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Activation:
    """The activation that resulted from a command.

    Attributes:
        command_id: id of the command.
        version: the version that every consumer must run.
        entry: entry id of its `model.activated`; consumers identify the activation by it.
        champion: the champion from then on, which a reload leaves as it is; None if there is none.
        confirmed: the consumers that run it, with the load time in ms where they reported one; None if the sender did
            not wait for them.
    """

    command_id: str
    version: str
    entry: str
    champion: str | None = None
    confirmed: Mapping[str, float | None] | None = None


class CommandSender:
    """Sends commands to the training workers of one domain and waits for their answers.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: the domain's name, for what messages advise.
    """

    def __init__(self, client: redis.Redis, streams: Streams, domain: str) -> None:
        self._client = client
        self._streams = streams
        self._domain = domain

    def send(self, command: Command) -> str:
        """Add a command to the stream; returns its entry id."""
        traced = command.model_copy(update=trace_attributes())
        entry = self._client.xadd(self._streams.commands, {DATA_FIELD: traced.model_dump_json()})
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
        return Activation(command.id, event.data.version or "", entry, event.data.champion, confirmed)

    def carry_out(self, command: Command, timeout_s: float) -> ModelEvent:
        """Send a command that activates nothing, and wait for its answer.

        Raises:
            ModelError: the worker refused the command.
            RegistryUnavailableError: MLflow does not answer the worker.
            NotConfirmedError: no worker answered within the seconds.
        """
        self.send(command)
        _, event = self.wait_for_answer(command.id, time.monotonic() + timeout_s)
        if event.type in {"command.rejected", "model.rejected"}:
            raise error_of(event)
        return event

    def entry_of(self, command_id: str) -> str:
        """Entry id of the final event of a command that has been answered."""
        answer: Any = self._client.hget(self._streams.command_replies, command_id)
        return str(json.loads(answer)["event"])

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
        """Wait until every living consumer reports an activation or a later one; returns them with their load times.

        Args:
            activation: entry id of its `model.activated`.
            deadline: when to give up, by `time.monotonic`.

        Raises:
            NotConfirmedError: a living consumer did not confirm; the message names each with what it does instead.
        """
        replies: dict[str, ModelEvent] = {}
        read_until = activation
        while True:
            for entry, event in self._events_after(read_until):
                read_until = entry
                if event.data.activation == activation and event.data.consumer:
                    replies[event.data.consumer] = event
            rejected = {name: event.data.message for name, event in replies.items() if event.type == "model.rejected"}
            processes = read_processes(self._client, self._streams)
            living = {
                each.heartbeat.name: each
                for each in processes.consumers
                if each.is_living and each.heartbeat.state != "stopping"
            }
            # only heartbeats count: they are what the status shows, and a consumer that swapped may have died since
            missing = [each for each in living.values() if not _runs(each.heartbeat, activation)]
            if not missing:
                return {name: replies[name].data.load_ms if name in replies else None for name in living}
            # a consumer that has rejected this activation will not run it later
            if time.monotonic() > deadline or all(each.heartbeat.name in rejected for each in missing):
                raise NotConfirmedError(_explain_unconfirmed(missing, rejected, processes.at_ms))
            time.sleep(_POLL_S)

    def living_workers(self) -> dict[str, str]:
        """The training workers that are alive, with what each is doing; empty while it does nothing but wait."""
        processes = read_processes(self._client, self._streams)
        workers = [each.heartbeat for each in processes.trainers if each.is_living and each.heartbeat.is_worker]
        return {
            worker.name: ", ".join(one.describe(processes.at_ms) for one in worker.activities) for worker in workers
        }

    def _explain_missing_answer(self, command_id: str) -> str:
        if workers := self.living_workers():
            shown = (f"{name} is {doing}" if doing else f"{name} waits" for name, doing in workers.items())
            return f"no answer to command {command_id} yet: {'; '.join(shown)}"
        return (
            f"no training worker runs: command {command_id} stays in {self._streams.commands} "
            f"until one starts and carries it out (`{spell_command('trainer', self._domain)}`)"
        )

    def _events_after(self, entry: str) -> list[tuple[str, ModelEvent]]:
        entries: Any = self._client.xrange(self._streams.model_events, f"({entry}", "+")
        return [(str(EntryId.parse(at)), ModelEvent.model_validate_json(fields[DATA_FIELD])) for at, fields in entries]


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


def _explain_unconfirmed(missing: Sequence[ConsumerStatus], rejected: Mapping[str, str | None], at_ms: int) -> str:
    def describe(consumer: ConsumerStatus) -> str:
        beat = consumer.heartbeat
        if beat.name in rejected:
            return f"{beat.name} (rejected: {rejected[beat.name]})"
        doing = [one.describe(at_ms) for one in beat.activities]
        doing = doing or ([f"runs version {beat.version}"] if beat.version else list(beat.reasons) or [beat.state])
        return f"{beat.name} ({', '.join(doing)}; heartbeat {consumer.silent_s:.0f} s ago)"

    return f"not confirmed by {', '.join(map(describe, missing))}"
