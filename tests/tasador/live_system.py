"""Runs a consumer, a training worker, a monitor and an explainer in this process, and a client of their streams."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import numpy as np
import pandas as pd
import redis

from consumer.app import build_consumer
from explainer.app import build_explainer
from monitoring.monitor.app import build_monitor
from schemas.commands import COMMANDS, Command, ModelEvent
from schemas.drift import DriftEvent, DriftReport
from schemas.events import Outcome, OutcomeData
from schemas.quality import QualityEvent, QualityReport
from schemas.settings import Settings
from schemas.streams import DATA_FIELD
from service.application import bind
from tasador.machine.reference import reference_loader
from tests.models import table_of
from training.worker.app import build_worker


@asynccontextmanager
async def run_applications(settings: Settings) -> AsyncIterator[None]:
    """Run one application of each kind from start to clean stop; trainings run in child processes."""
    listener = bind(0, "127.0.0.1")
    applications = (
        build_consumer(settings, "c1", listener),
        build_worker(settings, "w1"),
        build_monitor(settings, "m1", reference_loader(settings)),
        build_explainer(settings, "x1"),
    )
    with listener:
        async with AsyncExitStack() as stack:
            for application in applications:
                await stack.enter_async_context(application.start_lifespan_context())
            yield
    assert [application.failure for application in applications] == [None] * len(applications)


class HousingClient:
    """Publishes listings, outcomes and commands, and reads events."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self.client: Any = client
        self.streams = settings.streams
        self._rng = np.random.default_rng(7)
        self._published = 0

    def sample_homes(self, count: int, *, is_shifted: bool = False) -> pd.DataFrame:
        """Distinct homes like those of Boston; shifted ones are larger and cost more."""
        table, rng = table_of("housing").with_target(), self._rng
        homes = table.iloc[rng.integers(0, len(table), count)].reset_index(drop=True)
        for name in ("LSTAT", "CRIM", "NOX", "DIS"):
            homes[name] *= rng.uniform(0.98, 1.02, count)
        homes["AGE"] = rng.uniform(1, 100, count)
        return homes.assign(RM=homes["RM"] + 0.6, MEDV=homes["MEDV"] + 6) if is_shifted else homes

    def publish_listings(self, homes: pd.DataFrame) -> list[str]:
        """Publish homes as listings; returns their ids."""
        ids = [f"home-{self._published + number}" for number in range(len(homes))]
        self._published += len(homes)
        columns = homes.drop(columns="MEDV").to_dict("records")
        events = [{"id": one, "data": dict(row)} for one, row in zip(ids, columns, strict=True)]
        self._send(self.streams.listings, [json.dumps(event) for event in events])
        return ids

    def publish_outcomes(self, ids: Sequence[str], homes: pd.DataFrame) -> None:
        """Publish the prices of homes as outcomes."""
        outcomes = [
            Outcome(id=f"sale-of-{one}", data=OutcomeData(listing_id=one, outcome=float(price)))
            for one, price in zip(ids, homes["MEDV"], strict=True)
        ]
        self._send(self.streams.outcomes, [outcome.model_dump_json() for outcome in outcomes])

    def send(self, command: Command) -> None:
        """Send a command."""
        self._send(self.streams.commands, [command.model_dump_json()])

    def commands(self) -> list[Command]:
        """All commands, oldest first."""
        return [COMMANDS.validate_python(event) for event in self._read(self.streams.commands)]

    def model_events(self, *types: str) -> list[ModelEvent]:
        """Model events of these types, oldest first."""
        return [ModelEvent(**event) for event in self._read(self.streams.model_events) if event["type"] in types]

    def drift_reports(self) -> list[DriftReport]:
        """Drift reports, oldest first."""
        events = self._read(self.streams.drift)
        return [DriftEvent(**event).data for event in events if event["type"] == "drift.reported"]

    def quality_reports(self) -> list[QualityReport]:
        """Quality reports, oldest first."""
        events = self._read(self.streams.drift)
        return [QualityEvent(**event).data for event in events if event["type"] == "quality.reported"]

    def are_scored(self, ids: Sequence[str], version: str | None = None) -> bool:
        """Whether all listings have a prediction, by this version if it is given."""
        return set(ids) <= {one["listing_id"] for one in self._predictions(version)}

    def _predictions(self, version: str | None) -> list[dict[str, Any]]:
        predictions = [event["data"] for event in self._read(self.streams.predictions)]
        return [one for one in predictions if version in (None, one["model"]["version"])]

    def _read(self, key: str) -> list[dict[str, Any]]:
        return [json.loads(fields[DATA_FIELD]) for _, fields in self.client.xrange(key)]

    def _send(self, key: str, payloads: Sequence[str]) -> None:
        pipeline = self.client.pipeline(transaction=False)
        for payload in payloads:
            pipeline.xadd(key, {DATA_FIELD: payload})
        pipeline.execute()
