"""A fixture that writes listings, predictions and outcomes to a real Redis, and reports their quality."""

from __future__ import annotations

from collections import Counter
from typing import Any

import redis
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from consumer.answer_encoder import AnswerEncoder
from consumer.ranges import NO_RANGES, BatchRanges
from monitoring.monitor.quality_metrics import QualityMetrics
from monitoring.monitor.quality_reporter import QualityReporter
from monitoring.outcomes.prediction_index import IndexedPrediction
from schemas.decoding import DecodedListing
from schemas.domain import load_domain
from schemas.events import Outcome, OutcomeData
from schemas.quality import Quality
from schemas.settings import load_settings
from schemas.stamp import Stamp
from schemas.streams import Streams
from tests.consumer.harness import ROW
from tests.listings import listing
from transport.connection import connect_async

HOUSING = load_domain("housing")


class OutcomeFixture:
    """Writes listings, predictions and outcomes to the streams, and reports their quality."""

    def __init__(self, client: redis.Redis, streams: Streams, url: str) -> None:
        self.client: Any = client
        self.streams = streams
        self.settings = load_settings(prefix=streams.prefix, redis_url=SecretStr(url))
        self.archived: dict[str, IndexedPrediction] = {}
        self.registry = CollectorRegistry()
        self._async = connect_async(url)
        self._metrics = QualityMetrics(self.registry)
        self.reporter = self.new_reporter("m1")
        self._encoder = AnswerEncoder(HOUSING, 100)
        self._counts: Counter[int] = Counter()
        self.now_ms = int(self.client.time()[0]) * 1000

    def new_reporter(self, name: str) -> QualityReporter:
        async def find_older(identities: Any) -> dict[str, IndexedPrediction]:
            return {identity: self.archived[identity] for identity in identities if identity in self.archived}

        return QualityReporter(self._async, HOUSING, self.settings, name, "tasador/housing", find_older, self._metrics)

    async def close(self) -> None:
        await self._async.aclose()

    def add_prediction(
        self,
        name: str,
        price: float,
        *,
        ago_ms: int = 0,
        version: str = "7",
        took_ms: int = 10,
        reach: float | None = None,
        shard: int = 0,
    ) -> str:
        """Add a listing with its prediction, made some time ago; returns the listing's entry id.

        With a reach it has an interval of that much to both sides. Entry ids of two shards coincide.
        """
        at_ms, keys = self.now_ms - ago_ms, self.streams.of_shard(shard)
        self._counts[shard] += 1
        entry_id = f"{at_ms - took_ms}-{self._counts[shard]}"
        self.client.xadd(keys.listings, {"data": listing(ROW, name)}, id=entry_id)
        decoded = DecodedListing(id=name, data=None)
        ranges = NO_RANGES if reach is None else BatchRanges([[price - reach, price + reach]], [0.9])
        event = self._encoder.predictions(
            [entry_id], "2026-11-20T12:00:00Z", [decoded], [price], Stamp(version, "1-0"), ranges=ranges
        )
        self.client.xadd(keys.predictions, {"data": event}, id=f"{at_ms}-{self._counts[shard]}")
        return entry_id

    def add_outcome(self, name: str, price: float | str) -> str:
        """Add an outcome now; returns its entry id."""
        event = Outcome(id=f"o-{name}", data=OutcomeData(listing_id=name, outcome=price))
        return str(self.client.xadd(self.streams.outcomes, {"data": event.model_dump_json()}).decode())

    async def quality(self, span: str = "24h", part: str = "all") -> Quality:
        """The quality of a part, after all outcomes have been processed."""
        await self.reporter.process_outcomes()
        return (await self.reporter.report()).quality(span, part)  # type: ignore[arg-type]

    def count(self, result: str) -> float | None:
        """Number of outcomes with this result."""
        return self.registry.get_sample_value("tasador_outcomes_total", {"result": result})
