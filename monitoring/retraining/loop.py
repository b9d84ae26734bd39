"""The retrain loop: rolls back a promoted model that does harm, and requests training when there is a reason."""

from __future__ import annotations

import logging
from typing import Any

import redis

from monitoring.retraining.baking import BAKED_COMMANDS, BakeStart, find_harm, is_baking, measure_bake, start_bake
from monitoring.retraining.policy import RetrainEvidence, find_obstacle, find_retrain_reason
from monitoring.retraining.retrain_commands import read_command_type, read_history, send_retrain, send_rollback
from schemas.domain import Domain
from schemas.sections import LoopSettings
from schemas.states import DesiredModel, LoopPause
from schemas.streams import Streams

logger = logging.getLogger(__name__)


class RetrainLoop:
    """The retrain loop of one domain. It remembers only the start of the current bake; the rest is in Redis.

    While an operator has paused it, it neither retrains nor rolls back.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: the domain.
        limits: thresholds of the policy and of the bake.

    Attributes:
        pause: the operator's pause, as it was found in the last run; None if there was none.
    """

    def __init__(self, client: redis.Redis, streams: Streams, domain: Domain, limits: LoopSettings) -> None:
        self._client = client
        self._streams = streams
        self._domain = domain
        self._limits = limits
        self._bake: BakeStart | None = None
        self._last_logged = ""
        self.pause: LoopPause | None = None

    def run_once(self, evidence: RetrainEvidence) -> str | None:
        """Roll back or request training where needed; returns the id of the command that was sent, if any.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        if not self._limits.is_on:
            return None
        stored: Any = self._client.hgetall(self._streams.loop)
        self.pause = LoopPause.from_hash(stored)
        if self.pause is not None:
            self._log_once(
                "retraining loop is paused",
                actor=self.pause.actor,
                why=self.pause.reason,
                command=self.pause.command_id,
            )
            return None
        if command_id := self._check_bake(evidence.at_ms):
            return command_id
        reason = find_retrain_reason(evidence, self._limits)
        if reason is None:
            return None
        history = read_history(self._client, self._streams, evidence.at_ms)
        if obstacle := find_obstacle(history, evidence.at_ms, self._limits):
            self._log_once(
                "retraining is needed but must wait", cause=reason.cause, why=reason.message, obstacle=obstacle
            )
            return None
        command_id = send_retrain(self._client, self._streams, reason, history)
        self._log_once("retraining requested", cause=reason.cause, why=reason.message, command=command_id)
        return command_id

    def _check_bake(self, at_ms: int) -> str | None:
        """Roll back the active model if it bakes and does harm; returns the id of the rollback, if one was sent."""
        stored: Any = self._client.hgetall(self._streams.model)
        desired = DesiredModel.from_hash(stored)
        if desired is None or not is_baking(desired, at_ms, self._limits):
            return None
        if self._bake is None or self._bake.activation != desired.activation:
            self._bake = start_bake(self._client, self._streams, desired)
        measured = measure_bake(self._client, self._streams, self._domain, self._bake, self._limits)
        harm = find_harm(measured, self._limits)
        if harm is None or read_command_type(self._client, self._streams, desired.command_id) not in BAKED_COMMANDS:
            return None
        command_id = send_rollback(self._client, self._streams, desired.activation, harm)
        self._log_once("promoted model rolled back", version=desired.version, why=harm, command=command_id)
        return command_id

    def _log_once(self, message: str, **fields: str) -> None:
        """Log a warning, unless it is the same as the last one."""
        key = message + fields.get("cause", "") + fields.get("command", "")
        if key != self._last_logged:
            self._last_logged = key
            logger.warning(message, extra=fields)
