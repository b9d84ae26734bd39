"""Adding a feature: consumers of the old contract score until a model of the new contract is active."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from consumer.consumer import Consumer
from registry.folder import read_card
from schemas.domain import Domain, domain_of, load_domain
from schemas.domains.housing import Housing
from schemas.features import Integer, feature
from schemas.streams import Streams
from schemas.window import layout_of
from tests.consumer.harness import (
    ROW,
    Client,
    activate,
    answers,
    event,
    model_events,
    outcomes,
    publish,
    settings_for,
)
from tests.models import SmallModel, fitted, register, small_model, table_of
from tests.waiting import wait_until_async
from training.data.tables import Table
from transport.connection import connect, connect_async

__all__ = ["small_model"]


class HousingWithPool(Housing):
    """Housing with one more feature, which old listings do not have."""

    POOL: Integer | None = feature(ge=0, le=1, unit="", description="1 if there is a pool")


OLD, NEW = load_domain("housing"), domain_of(HousingWithPool)


@pytest.fixture(scope="module")
def models(small_model: SmallModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[SmallModel, SmallModel]:
    """A version of the old contract and one of the new, in one registry."""
    # in a copy, because other tests expect one contract in the registry
    own = small_model.in_copy(tmp_path_factory.mktemp("contracts") / "home")
    old = table_of("housing")
    pool = np.arange(len(old)) % 2
    frame = old.frame.assign(POOL=pool.astype(np.float64))[list(NEW.columns)]
    new = Table(NEW, frame, old.target + 5.0 * pool, old.positions, old.source)
    info = register(own.registry, fitted(new, trees=2), new, folds=0)
    return own, SmallModel(own.settings, NEW, info)


@asynccontextmanager
async def _running(url: str, prefix: str, home: Path, domain: Domain, name: str) -> AsyncIterator[Consumer]:
    client, searcher = connect_async(url), connect(url)
    consumer = Consumer(client, searcher, domain, settings_for(prefix, home=home), name, 0)
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        consumer.stop()
        await asyncio.wait_for(task, 20)
        await client.aclose()
        searcher.close()


def _versions(client: Client, streams: Streams, ids: list[str]) -> Counter[str]:
    """Number of entries that each version scored."""
    versions = {answer["id"]: answer["data"]["model"]["version"] for answer in answers(client, streams.predictions)}
    return Counter(versions[entry_id] for entry_id in ids if entry_id in versions)


async def _publish(client: Client, streams: Streams, start: str, row: dict[str, Any], count: int = 300) -> list[str]:
    """Publish in small chunks, so that every consumer gets some, and wait for all answers."""
    ids: list[str] = []
    for number in range(0, count, 10):
        ids += publish(client, streams, [event(f"{start}-{number + i}", row) for i in range(10)])
        await asyncio.sleep(0)
    await wait_until_async(lambda: set(ids) <= set(outcomes(client, streams)), message="all are answered")
    return ids


async def test_consumers_of_the_old_contract_score_until_a_model_of_the_new_one_is_active(
    redis_client: Client, redis_url: str, prefix: str, streams: Streams, models: tuple[SmallModel, SmallModel]
) -> None:
    first, second = models
    home, before, after = first.settings.home, first.info.version, second.info.version
    activate(redis_client, streams, first)
    async with _running(redis_url, prefix, home, NEW, "new") as new:
        async with _running(redis_url, prefix, home, OLD, "old") as old:
            await wait_until_async(lambda: old.follower.model and model_events(redis_client, streams, "model.rejected"))
            # the new consumer cannot use a model of the old contract and waits; the old one scores all
            (rejected,) = model_events(redis_client, streams, "model.rejected")
            assert (rejected["consumer"], rejected["reason"]) == ("new", "signature")
            assert _versions(redis_client, streams, await _publish(redis_client, streams, "a", ROW)) == {before: 300}

            activate(redis_client, streams, second)
            await wait_until_async(lambda: new.follower.model)
            await wait_until_async(lambda: len(model_events(redis_client, streams, "model.rejected")) == 2)
            both = _versions(redis_client, streams, await _publish(redis_client, streams, "b", ROW))
            assert set(both) <= {before, after}
            assert sum(both.values()) == 300
            assert cast("Any", old.follower.model).stamp.version == before
        ids = await _publish(redis_client, streams, "c", ROW | {"POOL": 1})
        assert _versions(redis_client, streams, ids) == {after: 300}


def test_the_card_holds_the_contract_of_a_model(models: tuple[SmallModel, SmallModel]) -> None:
    first, second = (read_card(model.folder) for model in models)
    assert layout_of(OLD) != layout_of(NEW)
    assert (first.layout, second.layout) == (layout_of(OLD), layout_of(NEW))
    assert set(second.columns) - set(first.columns) == {"POOL"}
