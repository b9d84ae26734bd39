"""What operators do: commands to the training worker under the operator's name, and replays of dead letters."""

from __future__ import annotations

import asyncio

from operations.command_sender import CommandSender
from schemas.commands import (
    AdjustRollout,
    Command,
    ModelEventData,
    Promote,
    Reload,
    Retrain,
    Rollback,
    StartRollout,
    StopRollout,
)

_TIMEOUT_S = 60.0


def actor_of(operator: str) -> str:
    """How an operator of the console is named in commands, and so in the history."""
    return f"{operator}@console"


class CommandDesk:
    """Sends commands for pages.

    Args:
        sender: of the domain's commands; used in threads.
    """

    def __init__(self, sender: CommandSender) -> None:
        self._sender = sender

    async def carry_out(self, command: Command) -> str:
        """Send a command, and wait for its answer; returns what came of it, in a line.

        A retraining is not waited for: heartbeats and events show how it gets on.

        Raises:
            ModelError: the model cannot be used, or the worker refused the command.
            RegistryUnavailableError: MLflow does not answer the worker.
            NotConfirmedError: no worker answered in time.
            redis.exceptions.RedisError: as the server answered.
        """
        return await asyncio.to_thread(self._carry_out, command)

    def _carry_out(self, command: Command) -> str:
        if isinstance(command, Retrain):
            self._sender.send(command)
            return "The training was requested; its progress is shown here."
        if isinstance(command, Reload | Promote | Rollback):
            activation = self._sender.activate(command, _TIMEOUT_S, wait=False)
            champion = f", and the champion is {activation.champion}" if activation.champion else ""
            return f"Version {activation.version} is what every consumer runs from now on{champion}."
        event = self._sender.carry_out(command, _TIMEOUT_S)
        if isinstance(command, StartRollout | AdjustRollout | StopRollout):
            return told_of_rollout(command, event.data)
        return event.data.message or event.type


def told_of_rollout(command: StartRollout | AdjustRollout | StopRollout, data: ModelEventData) -> str:
    """What came of a command about the rollout, in a line."""
    if isinstance(command, StopRollout):
        return f"The rollout of version {data.version} is stopped: the champion answers all listings."
    done = "has started" if isinstance(command, StartRollout) else "is adjusted"
    return f"The {data.mode} of version {data.version} at {(data.share or 0) * 100:.4g} % of the listings {done}."
