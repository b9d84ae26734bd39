"""Models are swapped under load: no gap, no batch with two models, no return to an older activation."""

from __future__ import annotations

import asyncio
import gc
import weakref
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from operations.processes import read_processes
from registry.loading import load_scorer, load_to_serve
from registry.store import Registry
from schemas.decoding import ListingDecoder
from schemas.rows import RowBuilder
from schemas.sections import LimitSettings
from schemas.settings import Settings
from schemas.states import Activity, TrainerHeartbeat
from schemas.streams import Streams
from tests.consumer.harness import (
    HOUSING,
    Client,
    activate,
    answers,
    count,
    event,
    has_changed,
    model_events,
    outcomes,
    publish,
    running,
    settings_for,
)
from tests.models import SmallModel
from tests.operations.answers import beat_as
from tests.waiting import wait_until_async
from transport.entries import EntryId


@pytest.fixture
def settings(streams: Streams, tmp_path: Path, small_model: SmallModel) -> Settings:
    """Settings of a consumer that caches models in the test's folder."""
    store = small_model.registry.tracking_uri
    return settings_for(streams.prefix, home=tmp_path, mlflow_uri=store, batch={"max_records": 20, "block_ms": 20})


def prices(model: SmallModel, payloads: list[bytes]) -> list[float]:
    """Predictions of a model for listings."""
    decoder = ListingDecoder(HOUSING, LimitSettings())
    matrix = RowBuilder(HOUSING).matrix([decoder.decode(payload) for payload in payloads])
    prices: list[float] = load_scorer(model.folder, HOUSING).score(matrix).tolist()
    return prices


async def test_swap_under_load(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    settings: Settings,
    small_model: SmallModel,
    other_model: SmallModel,
    boston_rows: list[dict[str, Any]],
) -> None:
    payloads = [event(f"l-{i}", row) for i, row in enumerate(boston_rows)]
    expected = {m.info.version: prices(m, payloads) for m in (small_model, other_model)}
    activations = [activate(redis_client, streams, small_model)]
    entries: list[str] = []
    async with running(redis_url, settings, is_following=True):
        for start in range(0, len(payloads), 20):
            entries += publish(redis_client, streams, payloads[start : start + 20])
            if start == 200:
                await wait_until_async(lambda: count(redis_client, streams, "answered") > 0)
                activations.append(activate(redis_client, streams, other_model))
            if start == 300:
                await wait_until_async(lambda: len(model_events(redis_client, streams, "model.swapped")) == 2)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == len(payloads))
    predictions = [answer["data"] for answer in answers(redis_client, streams.predictions)]
    for data in predictions:
        number = int(data["listing_id"].removeprefix("l-"))
        assert data["prediction"] == pytest.approx(expected[data["model"]["version"]][number])
    stamps = [data["model"]["activation"] for data in predictions]
    assert sorted(stamps, key=EntryId.parse) == stamps
    assert set(stamps) == set(activations)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    swaps = model_events(redis_client, streams, "model.swapped")
    assert [(s["consumer"], s["activation"], s["command_id"]) for s in swaps] == [("a", a, "c-1") for a in activations]
    assert all(swap["load_ms"] > 0 for swap in swaps)


async def test_consumer_waits_for_its_first_model_and_says_so(
    redis_client: Client, redis_url: str, streams: Streams, settings: Settings, small_model: SmallModel
) -> None:
    publish(redis_client, streams, [event("l-1")])
    async with running(redis_url, settings, is_following=True) as consumer:
        await wait_until_async(lambda: [r.partition(":")[0] for r in consumer.health.reasons] == ["model"])
        assert redis_client.xlen(streams.predictions) == 0
        training = Activity(what="training", since_ms=int(redis_client.time()[0] * 1000) - 30_000)
        beat_as(redis_client, streams.trainers, TrainerHeartbeat, "t1", activities=[training])
        await wait_until_async(lambda: "t1 is training for 3" in consumer.health.reasons[0])
        activate(redis_client, streams, small_model)
        await wait_until_async(lambda: redis_client.xlen(streams.predictions))
        assert consumer.health.is_ready


async def test_a_model_that_is_being_loaded_is_shown_as_such(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    settings: Settings,
    small_model: SmallModel,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_load = Event()

    def load(*arguments: Any) -> Any:
        assert may_load.wait(120)
        return load_to_serve(*arguments)

    monkeypatch.setattr("consumer.served_model.load_to_serve", load)
    activate(redis_client, streams, small_model)
    async with running(redis_url, settings, is_following=True) as consumer:
        await wait_until_async(lambda: "model: loading version 1 since " in "".join(consumer.health.reasons))
        await wait_until_async(lambda: read_processes(redis_client, streams).consumers)
        (shown,) = await wait_until_async(
            lambda: read_processes(redis_client, streams).consumers[0].heartbeat.activities
        )
        assert shown.what == "loading version 1"
        may_load.set()
        await wait_until_async(lambda: consumer.health.is_ready)
        beat = await wait_until_async(
            lambda: [c.heartbeat for c in read_processes(redis_client, streams).consumers if c.heartbeat.version]
        )
        assert (beat[0].version, beat[0].activities) == ("1", ())


async def test_older_activation_is_never_loaded(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    settings: Settings,
    small_model: SmallModel,
    other_model: SmallModel,
) -> None:
    older = activate(redis_client, streams, other_model)
    newer = activate(redis_client, streams, small_model)
    async with running(redis_url, settings, is_following=True) as consumer:
        await wait_until_async(lambda: consumer.follower.stamp)
        fields = other_model.desired(older).model_dump(exclude_none=True)
        redis_client.hset(streams.model, mapping=fields)
        await consumer.follower.follow()
        assert consumer.follower.stamp
        assert consumer.follower.stamp.activation == newer


async def test_same_model_activated_again_is_confirmed_without_loading(
    redis_client: Client, redis_url: str, streams: Streams, settings: Settings, small_model: SmallModel
) -> None:
    activate(redis_client, streams, small_model)
    async with running(redis_url, settings, is_following=True) as consumer:
        await wait_until_async(lambda: consumer.follower.model)
        assert consumer.follower.model
        scorer = consumer.follower.model.scorer
        again = activate(redis_client, streams, small_model)
        await wait_until_async(lambda: len(model_events(redis_client, streams, "model.swapped")) == 2)
        assert consumer.follower.model.scorer is scorer
        assert consumer.follower.model.stamp.activation == again


@pytest.mark.parametrize(
    ("changed", "reason"), [({"digest": "0" * 64}, "digest"), ({"uri": "file:///etc", "digest": "0" * 64}, "location")]
)
async def test_rejected_swap_keeps_the_old_model(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    settings: Settings,
    small_model: SmallModel,
    changed: dict[str, str],
    reason: str,
) -> None:
    first = activate(redis_client, streams, small_model)
    async with running(redis_url, settings, is_following=True) as consumer:
        await wait_until_async(lambda: consumer.follower.model)
        second = f"{EntryId.parse(first).ms + 1}-0"
        fields = small_model.desired(second).model_dump(exclude_none=True)
        redis_client.hset(streams.model, mapping=fields | changed | {"command_id": "c-2"})
        await wait_until_async(lambda: model_events(redis_client, streams, "model.rejected"))
        publish(redis_client, streams, [event("l-1")])
        await wait_until_async(lambda: redis_client.xlen(streams.predictions))
        assert consumer.health.is_ready
    (rejected,) = model_events(redis_client, streams, "model.rejected")
    assert (rejected["reason"], rejected["command_id"], rejected["consumer"]) == (reason, "c-2", "a")
    assert answers(redis_client, streams.predictions)[0]["data"]["model"]["activation"] == first


async def test_missed_event_is_found_by_polling(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    settings: Settings,
    small_model: SmallModel,
    other_model: SmallModel,
) -> None:
    """These consumers have no subscriber to model events."""
    quick = settings.model_copy(update={"swap": settings.swap.model_copy(update={"poll_s": 0.05})})
    activate(redis_client, streams, small_model)
    async with running(redis_url, quick, is_following=True) as consumer:
        await wait_until_async(lambda: consumer.follower.stamp)
        changed = has_changed(lambda: consumer.follower.stamp)
        activate(redis_client, streams, other_model)
        await wait_until_async(changed)
        assert not consumer.follower.wakeup.is_set()


async def test_a_row_through_the_stream_is_priced_as_by_pyfunc(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    settings: Settings,
    small_model: SmallModel,
    boston_rows: list[dict[str, Any]],
) -> None:
    import pandas as pd

    rows: list[dict[str, Any]] = [dict(row) for row in boston_rows[:50]]
    rows[3]["LSTAT"] = rows[7]["CHAS"] = None
    activate(redis_client, streams, small_model)
    publish(redis_client, streams, (event(f"l-{i}", row) for i, row in enumerate(rows)))
    async with running(redis_url, settings, is_following=True):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 50)
    streamed = [answer["data"]["prediction"] for answer in answers(redis_client, streams.predictions)]
    frame = pd.DataFrame(rows)
    logged = await asyncio.to_thread(pyfunc_prices, small_model.registry, small_model.info.version, frame)
    np.testing.assert_allclose(streamed, logged, rtol=1e-6)


def pyfunc_prices(registry: Registry, version: str, frame: Any) -> list[float]:
    """Predictions of the logged model through MLflow's pyfunc interface."""
    import mlflow

    mlflow.set_tracking_uri(registry.tracking_uri)
    prices: list[float] = mlflow.pyfunc.load_model(f"models:/{registry.name}/{version}").predict(frame).tolist()
    return prices


async def test_a_replaced_model_is_freed_without_the_collector(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    settings: Settings,
    small_model: SmallModel,
    other_model: SmallModel,
) -> None:
    """A consumer freezes what it has loaded, so a model in a cycle of references would stay for ever."""
    gc.disable()
    try:
        async with running(redis_url, settings, is_following=True) as consumer:
            activate(redis_client, streams, small_model)
            publish(redis_client, streams, [event("l-1")])
            await wait_until_async(lambda: redis_client.xlen(streams.predictions) == 1)
            assert consumer.follower.model
            replaced = weakref.ref(consumer.follower.model.scorer)
            activate(redis_client, streams, other_model)
            await wait_until_async(lambda: len(model_events(redis_client, streams, "model.swapped")) == 2)
            publish(redis_client, streams, [event("l-2")])
            await wait_until_async(lambda: redis_client.xlen(streams.predictions) == 2)
            await wait_until_async(lambda: replaced() is None)
    finally:
        gc.enable()
