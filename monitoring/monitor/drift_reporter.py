"""Compares the window with the reference of the active model, and publishes the drift report."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import Any

import redis.asyncio

from monitoring.drift.columns import Column, answer_codes, answer_column
from monitoring.drift.report import compare
from monitoring.monitor.drift_metrics import DriftMetrics
from monitoring.monitor.reference import LoadStored, Reference, load_reference
from monitoring.monitor.window import RecentRows, columns_of, cut_windows, newest_entries, read_recent, span_of
from schemas.domain import Domain
from schemas.drift import DriftEvent, DriftReport
from schemas.errors import ModelNotFoundError
from schemas.settings import Settings
from schemas.states import DesiredModel
from schemas.streams import DATA_FIELD
from service.no_model import find_why_no_model
from transport.watched_shards import WatchedShardsAsync

logger = logging.getLogger(__name__)


@dataclass
class DriftReporter:
    """Reports drift in one domain.

    Attributes:
        client: replies must be bytes.
        settings: thresholds and keys.
        load_stored: loads the reference of a model.
        source: `source` of the events it publishes.
        reference: reference of the active model; None until it is loaded.
    """

    client: redis.asyncio.Redis
    domain: Domain
    settings: Settings
    load_stored: LoadStored
    source: str
    metrics: DriftMetrics
    reference: Reference | None = None
    _shards: WatchedShardsAsync = field(init=False)
    _reported: tuple[tuple[str, ...], str] | None = None

    def __post_init__(self) -> None:
        self._shards = WatchedShardsAsync(self.client, self.settings.streams)

    async def report(self) -> DriftReport | None:
        """Check for drift and publish the report; None if there are no new rows since the last report.

        Raises:
            ModelNotFoundError: no model has been activated yet.
            ModelRejectedError: the active model has no reference that fits the domain.
            RegistryUnavailableError: MLflow does not answer.
            redis.exceptions.RedisError: as the server answered.
        """
        reference = await self._find_reference()
        shards = await self._shards.read()
        newest = await newest_entries(self.client, shards)
        if self._reported == (newest, reference.stamp.activation):
            self.metrics.record_unchanged(time.time())
            return None
        max_rows = self.settings.drift.windows * self.settings.drift.window_rows
        recent = await read_recent(self.client, shards, self.domain, max_rows)
        outcomes = await self._read_outcomes(max_rows)
        report = await asyncio.to_thread(self._compare, reference, recent, outcomes)
        await self._publish(report)
        self._reported = (recent.newest, reference.stamp.activation)
        self.metrics.record_report(report, time.time())
        return report

    def record_failure(self) -> None:
        """Set the metrics to unknown, and publish a report at the next check even without new rows."""
        self._reported = None
        self.metrics.record_failure()

    async def _find_reference(self) -> Reference:
        stored: Any = await self.client.hgetall(self.settings.streams.model)
        desired = DesiredModel.from_hash(stored)
        if desired is None:
            raise ModelNotFoundError(await find_why_no_model(self.client, self.settings.streams, self.domain.name))
        if self.reference is None or self.reference.stamp.activation != desired.activation:
            self.reference = None
            self.reference = await asyncio.to_thread(load_reference, self.domain, desired, self.load_stored)
            logger.info("reference loaded", extra={"version": desired.version, "activation": desired.activation})
        return self.reference

    async def _read_outcomes(self, max_rows: int) -> Column:
        """The latest outcomes, oldest first."""
        stored: Any = await self.client.lrange(self.settings.streams.outcome_errors, 0, max_rows - 1)
        outcomes = [text.decode().split(":", 2)[2] for text in reversed(stored)]
        return answer_column(self.domain, "outcome", answer_codes(self.domain, outcomes))

    def _compare(self, reference: Reference, recent: RecentRows, outcomes: Column) -> DriftReport:
        limits = self.settings.drift
        cuts = cut_windows(len(recent.rows), limits)
        columns, windows = (
            reference.columns,
            [columns_of(self.domain, recent, cut, reference.stamp.activation) for cut in cuts],
        )
        if len(outcomes.values) and windows:
            columns = (*columns, reference.outcomes)
            outcome_cuts = [*cut_windows(len(outcomes.values), limits), *[slice(0)] * limits.windows]
            windows = [[*window, outcomes.cut(cut)] for window, cut in zip(windows, outcome_cuts, strict=False)]
        return compare(
            columns,
            windows,
            [span_of(recent, cut) for cut in cuts],
            limits,
            domain=self.domain.name,
            model=reference.stamp,
            scored=recent.scored,
            mean_prediction=recent.total / recent.scored if recent.scored else None,
            skipped_entries=recent.skipped,
        )

    async def _publish(self, report: DriftReport) -> None:
        event = DriftEvent(source=self.source, data=report)
        fields: Any = {DATA_FIELD: event.model_dump_json(exclude_none=True)}
        kept = self.settings.monitor.reports_kept
        await self.client.xadd(self.settings.streams.drift, fields, maxlen=kept, approximate=True)
        facts = {"verdict": report.verdict, "drifted": list(report.drifted), "rows": [w.rows for w in report.windows]}
        logger.info("drift reported", extra=facts)
