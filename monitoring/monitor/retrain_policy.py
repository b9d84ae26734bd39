"""What drift and quality say, put together as evidence for the loop."""

from __future__ import annotations

import asyncio

import redis

from monitoring.monitor.reference import Reference
from monitoring.retraining.loop import RetrainLoop
from monitoring.retraining.policy import Evidence
from schemas.domain import Domain
from schemas.drift import DriftReport
from schemas.quality import QualityReport
from schemas.sections import LoopSettings
from schemas.streams import Streams
from transport.clock import now_ms
from transport.entries import EntryId


class RetrainPolicy:
    """Keeps the latest evidence of one domain, and lets the loop turn on it.

    Args:
        client: replies must be bytes; it is used in a thread.
        streams: the domain's keys.
        domain: whose models are steered.
        limits: the policy.
    """

    def __init__(self, client: redis.Redis, streams: Streams, domain: Domain, limits: LoopSettings) -> None:
        self._client = client
        self._loop = RetrainLoop(client, streams, domain, limits)
        self._is_classification = domain.task == "classification"
        self._drifting = 0
        self._activation = ""
        self._quality: QualityReport | None = None

    def note_drift(self, report: DriftReport) -> None:
        """Count how many reports on one model said `drift`, one after another."""
        activation = report.model.activation if report.model else ""
        if report.verdict != "drift" or activation != self._activation:
            self._drifting = 0
        self._drifting += report.verdict == "drift"
        self._activation = activation

    def note_quality(self, report: QualityReport) -> None:
        """Keep what is known of the errors."""
        self._quality = report

    async def turn(self, reference: Reference | None) -> str | None:
        """Let the loop turn; returns the id of the command that was sent, if one was.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        return await asyncio.to_thread(self._turn, reference)

    def _turn(self, reference: Reference | None) -> str | None:
        at_ms = now_ms(self._client)
        return self._loop.turn(self._evidence(at_ms, reference) if reference else Evidence(at_ms))

    def _evidence(self, at_ms: int, reference: Reference) -> Evidence:
        since_ms = EntryId.parse(reference.stamp.activation).ms
        error, labelled, has_lost = None, 0, False
        if self._quality is not None:
            # of this model alone: the errors of the one before it are no reason to replace it once more
            quality = self._quality.quality("24h", f"version {reference.stamp.version}")
            wrong = None if quality.accuracy is None else 1 - quality.accuracy
            error, labelled = wrong if self._is_classification else quality.mae, quality.labelled
            loss = self._quality.sudden_loss
            has_lost = loss is not None and loss.time.timestamp() * 1000 > since_ms
        drifting = self._drifting if self._activation == reference.stamp.activation else 0
        return Evidence(at_ms, error, reference.expected_error, labelled, has_lost, drifting, since_ms)
