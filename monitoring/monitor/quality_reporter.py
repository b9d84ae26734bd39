"""Indexes predictions, joins outcomes with them, and publishes the quality report."""

from __future__ import annotations

import time
from typing import Any

import redis.asyncio

from monitoring.monitor.quality_metrics import QualityMetrics
from monitoring.outcomes.change_detection import find_sudden_loss
from monitoring.outcomes.coverage import recent_coverage
from monitoring.outcomes.joining import FindOlder, Joiner, JoinResult
from monitoring.outcomes.pending_outcome import PendingOutcome, read_outcome
from monitoring.outcomes.prediction_index import HOUR_MS, PredictionIndex
from monitoring.outcomes.segments import CutPoints
from monitoring.outcomes.sums import add_up, figures
from registry.calibration import Calibration
from schemas.domain import Domain
from schemas.quality import QualityEvent, QualityReport, RecentCoverage, Span
from schemas.settings import Settings
from schemas.streams import DATA_FIELD, MONITORS
from service.tracing import NO_TRACING, Tracing
from transport.clock import now_ms_async
from transport.consumer_group import ConsumerGroup
from transport.entries import EntryId
from transport.watched_shards import WatchedShardsAsync

_CHUNK = 200
_ROUNDS = 50
"""Chunks that one call of `process_outcomes` handles at most."""
_DAYS: dict[Span, int] = {"7d": 7, "30d": 30}


class QualityReporter:
    """Joins the outcomes of one domain and reports the quality of its predictions.

    Args:
        client: replies must be bytes.
        domain: the domain.
        settings: keys and limits.
        name: this monitor's name in the consumer group.
        source: `source` of the events it publishes.
        find_older: finds predictions that are no longer in the index.
        metrics: updated with results and reports.
        tracing: makes the spans of joined outcomes.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        domain: Domain,
        settings: Settings,
        name: str,
        source: str,
        find_older: FindOlder,
        metrics: QualityMetrics,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        self._client = client
        self._domain = domain
        self._settings = settings
        self._streams = settings.streams
        self._group = ConsumerGroup(client, self._streams.outcomes, MONITORS, name, settings.claim_idle_ms)
        self._source = source
        self._metrics = metrics
        self._tracing = tracing
        self._index = PredictionIndex(client, self._streams, settings.outcomes)
        self._shards = WatchedShardsAsync(client, self._streams)
        self._joiner = Joiner(
            client, self._streams, domain, settings.outcomes, settings.limits, self._index, find_older
        )
        self._retry_at_s = 0.0
        self._last_report: QualityReport | None = None
        self._version = ""
        self._calibration: Calibration | None = None

    def set_cut_points(self, cut_points: CutPoints) -> None:
        """Set where the numeric segments are cut, by the reference of the active model."""
        self._joiner.cut_points = cut_points

    def set_calibration(self, version: str, calibration: Calibration | None) -> None:
        """Set what the active model promises of its intervals or prediction sets; None if it has none."""
        self._version, self._calibration = version, calibration

    async def process_outcomes(self) -> None:
        """Index new predictions and join new outcomes, a limited number of chunks at a time.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        await self._group.create()
        self._index.shards = await self._shards.read()
        for _ in range(_ROUNDS):
            at_ms = await now_ms_async(self._client)
            identities = await self._index.index_next(at_ms)
            if identities:
                waiting = await self._joiner.find_waiting(identities)
                self._record(await self._joiner.join(waiting, at_ms, is_archive_searched=False))
            outcomes = await self._read()
            if not outcomes and identities is None:
                break
            with self._tracing.batch("join outcomes", outcomes):
                self._record(await self._joiner.join(outcomes, at_ms))
        if time.monotonic() >= self._retry_at_s:
            self._retry_at_s = time.monotonic() + self._settings.outcomes.retry_s
            waiting = await self._joiner.all_waiting()
            results = await self._joiner.join(waiting, await now_ms_async(self._client))
            self._record([result for result in results if result != "waiting"])
            await self._trim(await now_ms_async(self._client))

    async def report(self) -> QualityReport:
        """Compute quality from the sums, and publish the report if it has changed.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        at_ms = await now_ms_async(self._client)
        waiting = await self._joiner.all_waiting()
        limit_ms = at_ms - self._settings.outcomes.orphan_hours * HOUR_MS
        report = QualityReport(
            domain=self._domain.name,
            spans=await self._spans(at_ms),
            waiting=len(waiting),
            orphaned=sum(EntryId.parse(outcome.entry_id).ms < limit_ms for outcome in waiting),
            sudden_loss=find_sudden_loss(await self._read_errors()),
            recent_coverage=await self._recent_coverage(),
        )
        if report != self._last_report:
            event = QualityEvent(source=self._source, data=report)
            fields: Any = {DATA_FIELD: event.model_dump_json(exclude_none=True)}
            kept = self._settings.monitor.reports_kept
            await self._client.xadd(self._streams.drift, fields, maxlen=kept, approximate=True)
            self._last_report = report
        self._metrics.record_report(report, time.time())
        return report

    def record_failure(self) -> None:
        """Set the metrics to unknown, and publish the next report even if it has not changed."""
        self._last_report = None
        self._metrics.record_failure()

    async def _spans(self, at_ms: int) -> dict[Span, Any]:
        hour = at_ms // HOUR_MS
        keys: dict[Span, list[str]] = {"24h": [self._streams.quality_of_hour(hour - back) for back in range(24)]}
        for span, days in _DAYS.items():
            keys[span] = [self._streams.quality_of_day(hour // 24 - back) for back in range(days)]
        return {span: figures(add_up([await self._read_hash(key) for key in each])) for span, each in keys.items()}

    async def _read_hash(self, key: str) -> dict[bytes, bytes]:
        stored: Any = await self._client.hgetall(key)
        return dict(stored)

    async def _read_errors(self) -> list[tuple[int, float]]:
        stored: Any = await self._client.lrange(self._streams.outcome_errors, 0, -1)
        parsed = [text.decode().split(":", 2) for text in reversed(stored)]
        return [(int(at_ms), float(error)) for at_ms, error, _ in parsed]

    async def _recent_coverage(self) -> RecentCoverage | None:
        promise = self._calibration
        if promise is None:
            return None
        stored: Any = await self._client.lrange(self._streams.outcome_coverage, 0, -1)
        records = [record.decode() for record in stored]
        return recent_coverage(records, self._version, promise.coverage, promise.rows)

    async def _read(self) -> list[PendingOutcome]:
        """The next outcomes; those that a dead monitor left pending come first."""
        entries = await self._group.claim_idle(_CHUNK, with_fields=True) or await self._group.read(_CHUNK)
        outcomes = []
        for entry in entries:
            outcome = read_outcome(self._domain, entry.id, entry.fields)
            if outcome is None:
                self._record([await self._joiner.reject(entry.id)])
            else:
                outcomes.append(outcome)
        return outcomes

    async def _trim(self, at_ms: int) -> None:
        """Delete old outcomes that every consumer group has processed."""
        bound = EntryId(at_ms - self._settings.retention.max_age_s * 1000, 0)
        groups: Any = await self._client.xinfo_groups(self._streams.outcomes)
        for group in groups:
            pending: Any = await self._client.xpending_range(self._streams.outcomes, group["name"], "-", "+", 1)
            needed = pending[0]["message_id"] if pending else group["last-delivered-id"]
            bound = min(bound, EntryId.parse(needed))
        await self._client.xtrim(self._streams.outcomes, minid=str(bound), approximate=False)

    def _record(self, results: list[JoinResult]) -> None:
        self._metrics.record_results(results)
