"""A fixture that writes what consumers write of a rollout to a real Redis, and has the monitor's parts report on it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import redis
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from monitoring.monitor.quality_metrics import QualityMetrics
from monitoring.monitor.quality_reporter import QualityReporter
from monitoring.monitor.rollout_metrics import RolloutMetrics
from monitoring.monitor.rollout_reporter import RolloutReporter
from schemas.commands import COMMANDS, ModelEvent
from schemas.domain import load_domain
from schemas.events import ModelStamp, Outcome, OutcomeData, Prediction, PredictionData
from schemas.pairs import CHALLENGER_ARM, FALLBACK, HAS_SUBJECT, pack_pairs
from schemas.quality import Quality
from schemas.rollout_report import RolloutReport
from schemas.rollouts import ArmName, DesiredRollout, RolloutMode
from schemas.settings import load_settings
from schemas.shards import listing_key
from schemas.streams import Streams
from schemas.window import layout_of
from transport.clock import now_ms
from transport.connection import connect_async
from transport.entries import EntryId


class Answered(NamedTuple):
    """A listing of a rollout: what both models say, the challenger's NaN for nothing, and its outcome, if any."""

    name: str
    champion: float
    challenger: float
    outcome: float | str | None = None
    arm: ArmName = "champion"
    subject: str | None = None


class RolloutFixture:
    """Writes the streams of one domain, and reports on the rollout as its monitor does."""

    def __init__(
        self, client: redis.Redis, streams: Streams, url: str, domain: str = "housing", **rollout: Any
    ) -> None:
        self.client: Any = client
        self.streams = streams
        settings = load_settings(prefix=streams.prefix, domain=domain, redis_url=SecretStr(url))
        limits = settings.rollout.model_copy(update={"mature_h": 0.0} | rollout)
        self.settings = settings.model_copy(update={"rollout": limits})
        self.domain = load_domain(domain)
        self.registry = CollectorRegistry()
        self._async = connect_async(url)
        self.reporter = RolloutReporter(self._async, self.domain, self.settings, RolloutMetrics(self.registry))
        self._quality = QualityReporter(
            self._async,
            self.domain,
            self.settings,
            "m1",
            "tasador/x",
            _find_nothing,
            QualityMetrics(CollectorRegistry()),
        )
        self.rollout: DesiredRollout | None = None

    def new_reporter(self) -> RolloutReporter:
        """A reporter as another monitor has it."""
        return RolloutReporter(self._async, self.domain, self.settings, RolloutMetrics(CollectorRegistry()))

    async def close(self) -> None:
        await self._async.aclose()

    def change(self, mode: RolloutMode = "shadow", share: float = 1.0, **fields: Any) -> DesiredRollout:
        """Start a rollout, or adjust the one that there is."""
        event_type: Any = "rollout.adjusted" if self.rollout else "rollout.started"
        before = self.rollout.id if self.rollout else None
        event = ModelEvent.of("t", event_type, rollout=before, mode=mode, share=share, version="8")
        revision = self.client.xadd(self.streams.model_events, {"data": event.model_dump_json()}).decode()
        self.rollout = DesiredRollout(
            id=before or revision,
            revision=revision,
            mode=mode,
            version="8",
            digest="d" * 64,
            uri="file:///nowhere",
            share=share,
            salt="salt",
            **{"pairs": True, "champion": "7"} | fields,
        )
        stored = self.rollout.model_dump(mode="json", exclude_none=True)
        self.client.delete(self.streams.rollout)
        self.client.hset(self.streams.rollout, mapping={name: str(value) for name, value in stored.items()})
        return self.rollout

    def answer(
        self, answered: Sequence[Answered], took_ms: int = 5, challenger_us: float = 3.0, shard: int = 0
    ) -> None:
        """Write one commit: the predictions, the pairs if there are any, and the outcomes of these listings."""
        assert self.rollout is not None
        keys = self.streams.of_shard(shard)
        answered_ms = now_ms(self.client)
        numbers = [self.client.incr("tests:listings") for _ in answered]
        ids = [f"{answered_ms - took_ms}-{number}" for number in numbers]
        with self.client.pipeline(transaction=True) as pipeline:
            # with ids of their own, since a slow machine would add to the latency that is meant
            for number, entry_id, each in zip(numbers, ids, answered, strict=True):
                fields = {"data": self._prediction(entry_id, each)}
                pipeline.xadd(keys.predictions, fields, id=f"{answered_ms}-{number}")
            if self.rollout.has_pairs:
                pipeline.xadd(keys.shadows, self._pairs(ids, answered, challenger_us))
            for each in answered:
                if each.outcome is not None:
                    data = OutcomeData(listing_id=each.name, outcome=each.outcome)
                    event = Outcome(id=f"o-{each.name}", data=data)
                    pipeline.xadd(self.streams.outcomes, {"data": event.model_dump_json()})
            pipeline.hincrby(keys.progress, "answered", len(answered))
            pipeline.execute()

    def _prediction(self, entry_id: str, each: Answered) -> str:
        assert self.rollout is not None
        has_failed = np.isnan(each.challenger)
        is_challenger = each.arm == "challenger" and not has_failed
        stamp = ModelStamp(
            version="8" if is_challenger else "7",
            activation=self.rollout.id if is_challenger else "1-0",
            rollout=self.rollout.id,
            arm=each.arm,
            fallback=True if each.arm == "challenger" and has_failed else None,
        )
        said = each.challenger if is_challenger else each.champion
        data = PredictionData(
            listing_id=each.name,
            listing_source="",
            prediction=self.domain.target.classes[int(said)] if self.domain.target.classes else said,
            model=stamp,
            imputed=[],
            unusual=[],
        )
        event = Prediction(id=entry_id, source="t", time=datetime.now(UTC), subject=each.subject, data=data)
        return event.model_dump_json(exclude_none=True)

    def _pairs(self, ids: Sequence[str], answered: Sequence[Answered], challenger_us: float) -> dict[str, Any]:
        assert self.rollout is not None
        flags = [
            (CHALLENGER_ARM if each.arm == "challenger" else 0)
            | (FALLBACK if np.isnan(each.challenger) else 0)
            | (HAS_SUBJECT if each.subject else 0)
            for each in answered
        ]
        packed = pack_pairs(
            [entry_id.encode() for entry_id in ids],
            np.array([each.champion for each in answered]),
            np.array([each.challenger for each in answered]),
            np.array([listing_key(each.subject, "", each.name) for each in answered], dtype=np.uint32),
            np.array(flags, dtype=np.uint8),
        )
        return {
            "pairs": packed,
            "count": len(answered),
            "rollout": self.rollout.id,
            "activation": "1-0",
            "layout": layout_of(self.domain),
            "consumer": "c1",
            "champion_us": 2.5,
            "challenger_us": challenger_us,
        }

    async def report(self, reporter: RolloutReporter | None = None) -> RolloutReport:
        """Join the outcomes, wait until all predictions are mature, and report."""
        await self._quality.process_outcomes()
        written = self.client.xrevrange(self.streams.predictions, count=1)
        while (
            written
            and int(self.client.time()[0]) * 1000 + int(self.client.time()[1]) // 1000
            <= EntryId.parse(written[0][0]).ms
        ):
            pass
        report = await (reporter or self.reporter).report()
        assert report is not None
        return report

    async def quality(self, part: str) -> Quality:
        """The quality of a part of the predictions of the last day."""
        await self._quality.process_outcomes()
        return (await self._quality.report()).quality("24h", part)

    def commands(self) -> list[Any]:
        """What the monitor has asked the worker for, oldest first."""
        return [COMMANDS.validate_json(fields[b"data"]) for _, fields in self.client.xrange(self.streams.commands)]


async def _find_nothing(_: Any) -> dict[str, Any]:
    return {}
