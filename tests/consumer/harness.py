"""Consumers in the test's own process, on a real Redis, with a model that can be checked by hand."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import redis
from numpy.typing import NDArray

from consumer.consumer import Consumer
from consumer.served_model import ServedModel
from registry.calibration import Calibration
from registry.card import ModelCard
from schemas.domain import load_domain
from schemas.rows import Matrix
from schemas.settings import Settings
from schemas.stamp import Stamp
from schemas.streams import Streams
from service.tracing import NO_TRACING, Tracing
from tests.activation import activate as activate_model
from transport.connection import connect, connect_async

if TYPE_CHECKING:
    from tests.models import SmallModel  # imports scikit-learn and MLflow, which a doomed process does not need

HOUSING = load_domain("housing")
RM = HOUSING.columns.index("RM")
ROW: dict[str, Any] = {
    "CRIM": 0.00632,
    "ZN": 18.0,
    "INDUS": 2.31,
    "CHAS": 0,
    "NOX": 0.538,
    "RM": 6.5,
    "AGE": 65.2,
    "DIS": 4.09,
    "RAD": 1,
    "TAX": 296,
    "PTRATIO": 15.3,
    "B": 396.9,
    "LSTAT": 4.98,
}
PRICE_OF_ROW = 13.0
Client = Any
"""A synchronous client: redis-py types its replies as unions of all that they could be."""


class PlainScorer:
    """Prices a listing at `factor` times its rooms; `before` is called with the matrix first."""

    calibration: Calibration | None = None

    def __init__(self, factor: float = 2.0, before: Callable[[Matrix], None] | None = None) -> None:
        self._factor = factor
        self._before = before

    @property
    def card(self) -> ModelCard:
        """Not available: no test reads it."""
        raise NotImplementedError

    def score(self, matrix: Matrix, /) -> NDArray[np.float64]:
        """Prices (n,)."""
        if self._before:
            self._before(matrix)
        return matrix[:, RM] * self._factor


def served(activation: str = "1-0", factor: float = 2.0, before: Callable[[Matrix], None] | None = None) -> ServedModel:
    """A served model whose training range includes every valid value."""
    low, high = np.full(len(HOUSING.columns), -np.inf), np.full(len(HOUSING.columns), np.inf)
    return ServedModel(PlainScorer(factor, before), Stamp("1", activation), low, high)


def settings_for(prefix: str, **changes: Any) -> Settings:
    """Settings with short intervals."""
    quick: dict[str, Any] = {
        "prefix": prefix,
        "claim_idle_ms": 300,
        "heartbeat_s": 0.1,
        "batch": {"max_records": 100, "block_ms": 50},
        "retention": {"interval_s": 0.1},
    }
    return Settings(**(quick | changes))


@asynccontextmanager
async def running(
    url: str,
    settings: Settings,
    name: str = "a",
    model: ServedModel | None = None,
    *,
    is_following: bool = False,
    tracing: Tracing = NO_TRACING,
) -> AsyncIterator[Consumer]:
    """Run a consumer with a plain model, or with the desired one if `is_following`; stops it as SIGTERM does."""
    client, searcher = connect_async(url), connect(url)
    consumer = Consumer(client, searcher, HOUSING, settings, name, 0, tracing)
    if not is_following:
        consumer.follower.model = model or served()
        consumer.health.clear("model")
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        consumer.stop()
        await asyncio.wait_for(task, 20)
        await client.aclose()
        searcher.close()


def event(listing_id: str, row: dict[str, Any] | None = None, **attributes: Any) -> bytes:
    """The JSON of a listing."""
    return json.dumps({"id": listing_id, "data": row or ROW, **attributes}).encode()


def publish(client: Client, streams: Streams, payloads: Iterable[bytes]) -> list[str]:
    """Publish events; returns their entry ids."""
    pipeline = client.pipeline(transaction=False)
    for payload in payloads:
        pipeline.xadd(streams.listings, {"data": payload})
    return [entry_id.decode() for entry_id in pipeline.execute()]


def publish_numbered(client: Client, streams: Streams, count: int, first: int = 0) -> list[str]:
    """Publish listings with consecutive ids."""
    return publish(client, streams, (event(f"l-{first + i}") for i in range(count)))


def answers(client: Client, stream: str) -> list[dict[str, Any]]:
    """All events of a stream of answers."""
    entries: Any = client.xrange(stream)
    return [json.loads(fields[b"data"]) for _, fields in entries]


def outcomes(client: Client, streams: Streams) -> Counter[str]:
    """Number of outcomes of each entry, over all streams of answers."""
    events = (answer for stream in streams.written_answers for answer in answers(client, stream))
    return Counter(answer["id"] for answer in events)


def pending(client: Client, streams: Streams) -> int:
    """Number of pending entries; 0 while there is no group."""
    try:
        summary: Any = client.xpending(streams.listings, "scorers")
    except redis.exceptions.ResponseError:
        return 0
    return int(summary["pending"])


def count(client: Client, streams: Streams, field: str) -> int:
    """One of the counts in `progress`."""
    value: Any = client.hget(streams.progress, field)
    return int(value or 0)


def activate(client: Client, streams: Streams, model: SmallModel) -> str:
    """Make a registered model the desired one; returns its activation."""
    return activate_model(client, streams, model.info.desired("0-0", command_id="c-1"))


def model_events(client: Client, streams: Streams, kind: str) -> list[dict[str, Any]]:
    """The data of all model events of a type."""
    return [event["data"] for event in answers(client, streams.model_events) if event["type"] == kind]


def has_changed(read: Callable[[], Any]) -> Callable[[], bool]:
    """A predicate: `read` returns something else than it does now."""
    before = read()
    return lambda: read() != before
