"""The quality of predictions, watched: predictions are indexed, outcomes joined, and sums reported."""

from __future__ import annotations

import time
from typing import Any

import redis.asyncio

from monitoring.monitor.quality_metrics import QualityMetrics
from monitoring.outcomes.change_detection import find_sudden_loss
from monitoring.outcomes.joining import FindOlder, Joiner, Result
from monitoring.outcomes.pending_outcome import PendingOutcome, read_outcome
from monitoring.outcomes.prediction_index import HOUR_MS, PredictionIndex
from monitoring.outcomes.segments import Cuts
from monitoring.outcomes.sums import add_up, figures
from schemas.domain import Domain
from schemas.quality import QualityEvent, QualityReport, Span
from schemas.settings import Settings
from schemas.streams import DATA_FIELD, MONITORS
from transport.clock import now_ms_async
from transport.consumer_group import ConsumerGroup
from transport.entries import EntryId

_CHUNK = 200
_ROUNDS = 50
"""Chunks that are worked on before the loop has its say again."""
_DAYS: dict[Span, int] = {"7d": 7, "30d": 30}


class QualityReporter:
    """Joins the outcomes of one domain and reports on them.

    Args:
        client: replies must be bytes.
        domain: whose outcomes they are.
        settings: with its keys.
        name: of this monitor, by which it is known in the group.
        source: of the events that it writes.
        find_older: where predictions are found that the index has forgotten.
        metrics: told what became of outcomes.
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
    ) -> None:
        self._client = client
        self._domain = domain
        self._settings = settings
        self._streams = settings.streams
        self._group = ConsumerGroup(client, self._streams.outcomes, MONITORS, name, settings.claim_idle_ms)
        self._source = source
        self._metrics = metrics
        self._recent = PredictionIndex(client, self._streams, settings.outcomes)
        self._joiner = Joiner(
            client, self._streams, domain, settings.outcomes, settings.limits, self._recent, find_older
        )
        self._retry_at_s = 0.0
        self._told: QualityReport | None = None

    def set_cuts(self, cuts: Cuts) -> None:
        """Where the reference of the active model cuts the numbers among the segments."""
        self._joiner.cuts = cuts

    async def work(self) -> None:
        """Index what was predicted and join what came, as far as a few rounds go.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        await self._group.create()
        for _ in range(_ROUNDS):
            at_ms = await now_ms_async(self._client)
            identities = await self._recent.index_next(at_ms)
            if identities:
                waited = await self._joiner.waiting_of(identities)
                self._record(await self._joiner.settle(waited, at_ms, is_old_asked=False))
            arrived = await self._read()
            if not arrived and identities is None:
                break
            self._record(await self._joiner.settle(arrived, at_ms))
        if time.monotonic() >= self._retry_at_s:
            self._retry_at_s = time.monotonic() + self._settings.outcomes.retry_s
            waiting = await self._joiner.all_waiting()
            results = await self._joiner.settle(waiting, await now_ms_async(self._client))
            self._record([result for result in results if result != "waiting"])
            await self._trim(await now_ms_async(self._client))

    async def report(self) -> QualityReport:
        """Read the sums, and publish what they come to if that is news.

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
            orphaned=sum(EntryId.parse(each.entry).ms < limit_ms for each in waiting),
            sudden_loss=find_sudden_loss(await self._errors()),
        )
        if report != self._told:
            event = QualityEvent(source=self._source, data=report)
            fields: Any = {DATA_FIELD: event.model_dump_json(exclude_none=True)}
            kept = self._settings.monitor.reports_kept
            await self._client.xadd(self._streams.drift, fields, maxlen=kept, approximate=True)
            self._told = report
        self._metrics.record_report(report, time.time())
        return report

    def forget(self) -> None:
        """Something failed: what was known is told again once it is known again."""
        self._told = None
        self._metrics.record_failure()

    async def _spans(self, at_ms: int) -> dict[Span, Any]:
        hour = at_ms // HOUR_MS
        keys: dict[Span, list[str]] = {"24h": [self._streams.quality_of_hour(hour - back) for back in range(24)]}
        for span, days in _DAYS.items():
            keys[span] = [self._streams.quality_of_day(hour // 24 - back) for back in range(days)]
        found = {span: figures(add_up([await self._hash(key) for key in each])) for span, each in keys.items()}
        return dict(found)

    async def _hash(self, key: str) -> dict[bytes, bytes]:
        stored: Any = await self._client.hgetall(key)
        return dict(stored)

    async def _errors(self) -> list[tuple[int, float]]:
        stored: Any = await self._client.lrange(self._streams.outcome_errors, 0, -1)
        parsed = [text.decode().split(":", 2) for text in reversed(stored)]
        return [(int(at_ms), float(error)) for at_ms, error, _ in parsed]

    async def _read(self) -> list[PendingOutcome]:
        """The next outcomes, first those that a dead monitor left."""
        entries = await self._group.claim_idle(_CHUNK, with_fields=True) or await self._group.read(_CHUNK)
        arrived = []
        for entry in entries:
            read = read_outcome(self._domain, entry.id, entry.fields)
            if read is None:
                self._record([await self._joiner.drop(entry.id)])
            else:
                arrived.append(read)
        return arrived

    async def _trim(self, at_ms: int) -> None:
        """Drop old outcomes that every group is done with."""
        bound = EntryId(at_ms - self._settings.retention.max_age_s * 1000, 0)
        groups: Any = await self._client.xinfo_groups(self._streams.outcomes)
        for group in groups:
            held: Any = await self._client.xpending_range(self._streams.outcomes, group["name"], "-", "+", 1)
            done = held[0]["message_id"] if held else group["last-delivered-id"]
            bound = min(bound, EntryId.parse(done))
        await self._client.xtrim(self._streams.outcomes, minid=str(bound), approximate=False)

    def _record(self, results: list[Result]) -> None:
        self._metrics.record_results(results)
