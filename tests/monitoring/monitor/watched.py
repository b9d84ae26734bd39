"""Runs a monitor in the test's own process on a real Redis, with a reference that the test provides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pandas as pd
import redis
from pydantic import SecretStr

from consumer.batch import pack_rows
from monitoring.monitor.app import build_monitor
from monitoring.monitor.reference import StoredReference
from registry.calibration import Calibration
from schemas.domain import Domain, load_domain
from schemas.drift import DriftEvent, DriftReport
from schemas.rows import RowBuilder
from schemas.settings import Settings, load_settings
from schemas.states import DesiredModel
from schemas.streams import DATA_FIELD, Streams
from schemas.window import layout_of, row_dtype
from service.application import ServedApp
from tests.waiting import wait_until_async

HOUSING = load_domain("housing")


def settings_for(redis_url: str, prefix: str, domain: str = "housing") -> Settings:
    """Settings of a monitor with short intervals."""
    settings = load_settings(domain=domain, prefix=prefix, redis_url=SecretStr(redis_url))
    return settings.model_copy(update={"monitor": settings.monitor.model_copy(update={"interval_s": 0.05})})


def boston_table() -> pd.DataFrame:
    """The 506 rows with the target and slightly wrong predictions."""
    table = pd.DataFrame(HOUSING.contract.built_in_table())
    noise = np.random.default_rng(3).normal(scale=1.0, size=len(table))
    return table.assign(prediction=table["MEDV"] + noise)


@asynccontextmanager
async def watching(
    settings: Settings, load_table: Callable[[DesiredModel], pd.DataFrame], calibration: Calibration | None = None
) -> AsyncIterator[ServedApp]:
    """Run a monitor from start to a clean stop."""
    app = build_monitor(settings, "m1", lambda desired: StoredReference(load_table(desired), calibration))
    async with app.start_lifespan_context():
        yield app
    assert app.failure is None


class Window:
    """Writes entries of the window as a consumer's commit does."""

    def __init__(self, client: redis.Redis, streams: Streams, domain: Domain = HOUSING) -> None:
        self._client: Any = client
        self._streams = streams
        self._domain = domain
        self._next = 1

    def activate(self, activation: str = "1-0", version: str = "7") -> None:
        """Make a model the desired one."""
        fields = {"activation": activation, "version": version, "digest": "d" * 64, "uri": "file:///nowhere"}
        self._client.hset(self._streams.model, mapping=fields)

    def write(self, table: pd.DataFrame, activation: str = "1-0", batch: int = 100, layout: str | None = None) -> None:
        """Write the rows of a table with their `prediction`, in batches."""
        matrix = RowBuilder(self._domain).matrix_of_frame(table)
        codes = {name: code for code, name in enumerate(self._domain.target.classes)}
        answers = np.array([codes.get(value, value) for value in table["prediction"]], dtype=np.float64)
        for start in range(0, len(table), batch):
            rows = slice(start, start + batch)
            ids = [f"{self._next + number}-0".encode() for number in range(len(matrix[rows]))]
            self._next += len(ids)
            fields = {
                "rows": pack_rows(row_dtype(self._domain), ids, matrix[rows], answers[rows]),
                "count": len(ids),
                "sum": float(answers[rows].sum()),
                "activation": activation,
                "layout": layout or layout_of(self._domain),
            }
            self._client.xadd(self._streams.window, fields)

    def reports(self) -> list[DriftReport]:
        """The drift reports on the stream, oldest first."""
        entries = self._client.xrange(self._streams.drift)
        events = [fields[DATA_FIELD] for _, fields in entries if b'"drift.reported"' in fields[DATA_FIELD]]
        return [DriftEvent.model_validate_json(event).data for event in events]

    async def report(self, number: int = 1) -> DriftReport:
        """Wait for the report with that number, counted from 1."""
        reports = await wait_until_async(
            lambda: reports if len(reports := self.reports()) >= number else None, message=f"report {number}"
        )
        assert reports is not None
        return reports[number - 1]


async def get(app: ServedApp, path: str) -> tuple[int, str]:
    """Status and body of one endpoint, called without a server."""
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:]).decode()


async def wait_for_answer(app: ServedApp, path: str, text: str) -> None:
    """Wait until the body of an endpoint contains a text."""

    async def contains_text() -> bool:
        return text in (await get(app, path))[1]

    condition: Callable[[], bool | Awaitable[bool]] = contains_text
    await wait_until_async(condition, message=f"{path} contains {text}")
