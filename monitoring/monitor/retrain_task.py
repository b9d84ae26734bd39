"""The monitor's retraining task: turns drift and quality reports into evidence, and runs the retrain loop on it."""

from __future__ import annotations

import asyncio

import redis

from monitoring.monitor.loop_metrics import LoopMetrics
from monitoring.monitor.reference import Reference
from monitoring.retraining.loop import RetrainLoop
from monitoring.retraining.policy import RetrainEvidence
from schemas.domain import Domain
from schemas.drift import DriftReport
from schemas.quality import QualityReport
from schemas.sections import LoopSettings
from schemas.streams import Streams
from transport.clock import now_ms
from transport.entries import EntryId


class RetrainTask:
    """Keeps the latest evidence of one domain and runs the retrain loop on it.

    Args:
        client: replies must be bytes; it is used in a thread.
        streams: the domain's keys.
        domain: the domain.
        limits: thresholds of the retrain policy.
        metrics: shows whether the loop is paused.
    """

    def __init__(
        self, client: redis.Redis, streams: Streams, domain: Domain, limits: LoopSettings, metrics: LoopMetrics
    ) -> None:
        self._client = client
        self._metrics = metrics
        self._loop = RetrainLoop(client, streams, domain, limits)
        self._is_classification = domain.task == "classification"
        self._drift_reports = 0
        self._activation = ""
        self._quality: QualityReport | None = None

    def note_drift(self, report: DriftReport) -> None:
        """Count consecutive reports of drift for one model."""
        activation = report.model.activation if report.model else ""
        if report.verdict != "drift" or activation != self._activation:
            self._drift_reports = 0
        self._drift_reports += report.verdict == "drift"
        self._activation = activation

    def note_quality(self, report: QualityReport) -> None:
        """Keep the latest quality report."""
        self._quality = report

    async def run_once(self, reference: Reference | None) -> str | None:
        """Run the retrain loop once; returns the id of the command that it sent, if any.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        return await asyncio.to_thread(self._run_once, reference)

    def _run_once(self, reference: Reference | None) -> str | None:
        at_ms = now_ms(self._client)
        evidence = self._evidence(at_ms, reference) if reference else RetrainEvidence(at_ms)
        command_id = self._loop.run_once(evidence)
        self._metrics.record(is_paused=self._loop.pause is not None)
        return command_id

    def _evidence(self, at_ms: int, reference: Reference) -> RetrainEvidence:
        since_ms = EntryId.parse(reference.stamp.activation).ms
        error, labelled, has_lost = None, 0, False
        if self._quality is not None:
            # only this version: the errors of the previous model are no reason to replace this one
            quality = self._quality.quality("24h", f"version {reference.stamp.version}")
            wrong_share = None if quality.accuracy is None else 1 - quality.accuracy
            error, labelled = wrong_share if self._is_classification else quality.mae, quality.labelled
            loss = self._quality.sudden_loss
            has_lost = loss is not None and loss.time.timestamp() * 1000 > since_ms
        drift_reports = self._drift_reports if self._activation == reference.stamp.activation else 0
        return RetrainEvidence(at_ms, error, reference.expected_error, labelled, has_lost, drift_reports, since_ms)
