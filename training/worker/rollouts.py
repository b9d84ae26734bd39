"""Starts, adjusts and ends rollouts: the only module of a worker that writes the desired rollout, besides activations.

An activation of another version ends a rollout too; the script of replies does so in the same step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from schemas.commands import AdjustRollout, ModelEvent, RolloutCommand, StartRollout, StopRollout
from schemas.errors import ConfigurationError, ModelError, ModelRejectedError, RegistryUnavailableError
from schemas.rollouts import DEFAULT_SHARES, FAILURES_GUARDRAIL, DesiredRollout, RolloutMode, parse_steps
from schemas.settings import Settings
from training.worker.changes import change_by, change_of_rollout
from training.worker.event_factory import EventFactory
from training.worker.inbox import CommandEntry
from training.worker.models import Models
from training.worker.replies import Replies
from training.worker.rollout_change import RolloutChange
from transport.clock import now_ms_async

_HAS_PASSED = "data.until: that time has passed"


@dataclass
class RolloutManager:
    """Carries out the commands about the rollout of one domain.

    Attributes:
        settings: of the worker.
        replies: writes the desired rollout, each change with the reply to its command.
        events: makes the events.
        models: finds and tries challengers.
    """

    settings: Settings
    replies: Replies
    events: EventFactory
    models: Models

    async def carry_out(self, entry: CommandEntry, command: RolloutCommand) -> None:
        """Reply to a command about the rollout; starts over if another worker changes the rollout meanwhile."""
        is_written = False
        while not is_written:
            running = await self.replies.rollout()
            match command:
                case StartRollout():
                    is_written = await self._start(entry, command, running)
                case AdjustRollout():
                    is_written = await self._adjust(entry, command, running)
                case StopRollout():
                    is_written = await self._stop(entry, command, running)

    async def end_if_over(self) -> None:
        """End the rollout if its time is over, or too many consumers have died with its challenger loaded.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        running = await self.replies.rollout()
        if running is None:
            return
        failures = await self.replies.challenger_failures(running.id)
        if failures > self.settings.rollout.max_failures:
            message = f"{failures} consumers died with the challenger loaded"
            about = {"cause": "guardrail", "guardrail": FAILURES_GUARDRAIL, "message": message}
        elif running.until is not None and running.until.timestamp() * 1000 <= await now_ms_async(self.replies.client):
            about = {"cause": "expired", "message": f"it was to run until {running.until.isoformat()}"}
        else:
            return
        event = self.events.make("rollout.stopped", **_described(running), **about)
        await self.replies.end_rollout(running.id, event, change_of_rollout(event))

    async def _start(self, entry: CommandEntry, command: StartRollout, running: DesiredRollout | None) -> bool:
        data, desired = command.data, await self.replies.desired()
        mode, share = self._first_step(command)
        if running is not None:
            message = f"a rollout of version {running.version} is running ({running.id}): stop it first"
            return await self._reject(entry, command, "busy", message)
        if desired is None:
            return await self._reject(entry, command, "no_model", "there is no champion to compare a challenger with")
        if data.until is not None and data.until <= await self._now():
            return await self._reject(entry, command, "invalid", _HAS_PASSED)
        try:
            model = await self.models.find(data.version)
            if model.version == desired.version:
                raise ModelRejectedError("same_version", f"version {model.version} answers already: name another one")
            await self.models.try_challenger(model)
        except ModelError as error:
            return await self._reply(entry, command, self.events.model_rejected(error, data.version, command.id))
        except (RegistryUnavailableError, ConfigurationError, OSError) as error:
            return await self._reply(entry, command, self.events.command_failed(command.id, error))
        stored = model.desired("", command.id)
        rollout = DesiredRollout(
            id="",
            revision="",
            mode=mode,
            version=stored.version,
            digest=stored.digest,
            uri=stored.uri,
            share=share,
            salt=data.salt,
            pairs=self.settings.rollout.pairs if data.pairs is None else data.pairs,
            champion=desired.version,
            until=data.until,
            follows_steps=data.follows_steps,
            actor=command.actor,
            command_id=command.id,
        )
        about = _described(rollout) | {"rollout": None, "champion": desired.version, "digest": stored.digest}
        event = self._event("rollout.started", command, about)
        return await self._reply(entry, command, event, RolloutChange("", _fields_of(rollout)))

    def _first_step(self, command: StartRollout) -> tuple[RolloutMode, float]:
        data = command.data
        if data.follows_steps:
            first = parse_steps(self.settings.rollout.steps)[0]
            return first.mode, first.share
        return data.mode, data.share or DEFAULT_SHARES[data.mode]

    async def _adjust(self, entry: CommandEntry, command: AdjustRollout, running: DesiredRollout | None) -> bool:
        data = command.data
        if running is None or data.rollout not in {None, running.id}:
            return await self._reject_other(entry, command, running)
        if data.until is not None and data.until <= await self._now():
            return await self._reject(entry, command, "invalid", _HAS_PASSED)
        names = ("mode", "share", "pairs", "until", "follows_steps")
        given = {name: value for name in names if (value := getattr(data, name)) is not None}
        if not given:
            return await self._reject(entry, command, "invalid", "data: name something to change")
        rollout = running.model_copy(update=given)
        event = self._event("rollout.adjusted", command, _described(rollout))
        return await self._reply(entry, command, event, RolloutChange(running.id, _fields_of(rollout)))

    async def _stop(self, entry: CommandEntry, command: StopRollout, running: DesiredRollout | None) -> bool:
        data = command.data
        if running is None or data.rollout not in {None, running.id}:
            return await self._reject_other(entry, command, running)
        about = _described(running) | {"cause": data.cause, "guardrail": data.guardrail}
        return await self._reply(
            entry, command, self._event("rollout.stopped", command, about), RolloutChange(running.id)
        )

    async def _reject_other(self, entry: CommandEntry, command: RolloutCommand, running: DesiredRollout | None) -> bool:
        if running is None:
            return await self._reject(entry, command, "no_rollout", "no rollout is running")
        return await self._reject(entry, command, "another_rollout", f"another rollout is running: {running.id}")

    async def _reject(self, entry: CommandEntry, command: RolloutCommand, reason: str, message: str) -> bool:
        return await self._reply(entry, command, self.events.command_rejected(command.id, reason, message))

    async def _reply(
        self, entry: CommandEntry, command: RolloutCommand, event: ModelEvent, rollout: RolloutChange | None = None
    ) -> bool:
        return await self.replies.write(entry, command.id, [event], change=change_by(command, event), rollout=rollout)

    def _event(self, kind: Any, command: RolloutCommand, about: Mapping[str, object]) -> ModelEvent:
        reason = command.data.reason or None
        return self.events.make(kind, **about, command_id=command.id, by=command.actor, message=reason)

    async def _now(self) -> datetime:
        return datetime.fromtimestamp(await now_ms_async(self.replies.client) / 1000, UTC)


def _described(rollout: DesiredRollout) -> dict[str, Any]:
    """The fields of an event about a rollout."""
    names = ("version", "mode", "share", "salt", "pairs", "until", "follows_steps")
    return {"rollout": rollout.id, **{name: getattr(rollout, name) for name in names}}


def _fields_of(rollout: DesiredRollout) -> dict[str, str]:
    """The fields of the hash, but for those that the script adds."""
    stored = rollout.model_dump(mode="json", exclude={"id", "revision", "champion"}, exclude_none=True)
    return {name: str(value) for name, value in stored.items()}
