"""One turn of the loop: watch what was promoted, and ask for a training where there is a reason to."""

from __future__ import annotations

import logging
from typing import Any

import redis

from monitoring.retraining import baking, retrain_commands
from monitoring.retraining.policy import Evidence, find_retrain_reason, obstacle
from schemas.domain import Domain
from schemas.sections import LoopSettings
from schemas.states import DesiredModel
from schemas.streams import Streams

logger = logging.getLogger(__name__)


class RetrainLoop:
    """Turns for one domain. All it has to remember is how a watched model began; the rest stands in Redis.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: whose predictions are watched.
        limits: the policy.
    """

    def __init__(self, client: redis.Redis, streams: Streams, domain: Domain, limits: LoopSettings) -> None:
        self._client = client
        self._streams = streams
        self._domain = domain
        self._limits = limits
        self._watched: baking.BakeStart | None = None
        self._told = ""

    def turn(self, evidence: Evidence) -> str | None:
        """Do what the evidence asks for; returns the id of the command that was sent, if one was.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        if not self._limits.is_on:
            return None
        desired = self._desired()
        if desired is not None and (command_id := self._watch(desired, evidence.at_ms)):
            return command_id
        found = find_retrain_reason(evidence, self._limits)
        if found is None:
            return None
        history = retrain_commands.read_history(self._client, self._streams, evidence.at_ms)
        if held := obstacle(history, evidence.at_ms, self._limits):
            self._tell("a training is wanted and waits", cause=found.cause, why=found.message, obstacle=held)
            return None
        command_id = retrain_commands.ask_for_training(self._client, self._streams, found, history)
        self._tell("a training was asked for", cause=found.cause, why=found.message, command=command_id)
        return command_id

    def _watch(self, desired: DesiredModel, at_ms: int) -> str | None:
        """The id of the rollback that was sent, if the model in charge is young, promoted, and does harm."""
        if not baking.is_baking(desired, at_ms, self._limits):
            return None
        if self._watched is None or self._watched.activation != desired.activation:
            self._watched = baking.begin(self._client, self._streams, desired)
        signs = baking.read_signs(self._client, self._streams, self._domain, self._watched, self._limits)
        why = baking.harm(signs, self._limits)
        if why is None or self._kind(desired) not in baking.PROMOTIONS:
            return None
        command_id = retrain_commands.take_back(self._client, self._streams, desired.activation)
        self._tell("a promoted model is taken back", version=desired.version, why=why, command=command_id)
        return command_id

    def _kind(self, desired: DesiredModel) -> str | None:
        return retrain_commands.kind_of(self._client, self._streams, desired.command_id)

    def _desired(self) -> DesiredModel | None:
        stored: Any = self._client.hgetall(self._streams.model)
        return DesiredModel.from_hash(stored)

    def _tell(self, phrase: str, **fields: str) -> None:
        """Log it, unless it is what was logged last."""
        told = phrase + fields.get("cause", "") + fields.get("command", "")
        if told != self._told:
            self._told = told
            logger.warning(phrase, extra=fields)
