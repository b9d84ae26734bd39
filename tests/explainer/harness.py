"""Explainers in the test's own process, on a real Redis, with small registered models."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from explainer.app import Explainer
from registry.location import tracking_uri_of
from schemas.settings import Settings
from schemas.streams import Streams
from tests.consumer.harness import ROW, settings_for
from tests.models import SmallModel

Client = Any


def settings_of(model: SmallModel, prefix: str, home: Path, **changes: Any) -> Settings:
    """Settings with short intervals, the model's registry, and a home of the test's own."""
    addresses = {"home": home, "mlflow_uri": tracking_uri_of(model.settings), "domain": model.domain.name}
    return settings_for(prefix, **addresses | changes)


@asynccontextmanager
async def explaining(url: str, settings: Settings, name: str = "x") -> AsyncIterator[Explainer]:
    """Run an explainer; stops it as SIGTERM does."""
    failures: list[BaseException] = []
    explainer = Explainer(settings, name, url, None)
    await explainer.start(failures.append)
    try:
        yield explainer
    finally:
        await explainer.stop()
    assert failures == []


def request_of(
    model: SmallModel, entry: str = "1-1", row: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """The fields of a request as a consumer writes them."""
    stamp = {"version": model.info.version, "activation": "1-0"}
    data = {"listing_id": f"l-{entry}", "listing_source": "", "prediction": 0, "model": stamp, **changes}
    request = {"features": row or ROW, "digest": model.info.digest, "uri": model.info.uri}
    return {"data": json.dumps({"id": entry, "data": data}), "request": json.dumps(request)}


def write_requests(client: Client, streams: Streams, requests: Iterable[dict[str, Any]]) -> list[str]:
    """Write requests; returns their entry ids."""
    return [client.xadd(streams.explain, fields).decode() for fields in requests]


def explanations(client: Client, streams: Streams) -> list[dict[str, Any]]:
    """All answers, oldest first."""
    return [msgspec.json.decode(fields[b"data"]) for _, fields in client.xrange(streams.explanations)]


def answered(client: Client, streams: Streams) -> list[str]:
    """The listings' entry ids of all answers, sorted."""
    return sorted(answer["id"] for answer in explanations(client, streams))
