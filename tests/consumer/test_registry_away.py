"""A model that cannot be loaded now is loaded later: the old one keeps scoring, and health shows the reason."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from consumer import model_follower
from operations.status import read_status
from registry import loading
from registry.booster import Score
from registry.serving import form
from schemas.settings import Settings
from schemas.streams import Streams
from tests.consumer.harness import (
    Client,
    activate,
    answers,
    event,
    model_events,
    publish,
    running,
    settings_for,
)
from tests.disks import fill, small_disk
from tests.models import SmallModel
from tests.waiting import wait_until_async
from transport.entries import EntryId

__all__ = ["small_disk"]

SILENT_MLFLOW = "http://127.0.0.1:9"
BEHIND_A_SERVER = "mlflow-artifacts:/1/models/m-1/artifacts"


@pytest.fixture
def settings(streams: Streams, tmp_path: Path) -> Settings:
    """Settings of a consumer with its own cache, whose registry does not answer."""
    return settings_for(streams.prefix, home=tmp_path, mlflow_uri=SILENT_MLFLOW, swap={"poll_s": 0.01})


@pytest.fixture
def _short_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour of retries in seconds."""
    monkeypatch.setattr(model_follower, "FIRST_RETRY_S", 0.005)
    monkeypatch.setattr(model_follower, "LONGEST_RETRY_S", 0.02)


def activate_behind_a_server(client: Client, streams: Streams, model: SmallModel, after: str = "1-0") -> str:
    """Make a model the desired one whose artifact is on MLflow's server; returns its activation."""
    activation = f"{EntryId.parse(after).ms + 1}-0"
    client.hset(
        streams.model, mapping=model.desired(activation).model_dump(exclude_none=True) | {"uri": BEHIND_A_SERVER}
    )
    return activation


async def test_a_model_in_the_cache_needs_no_registry(
    redis_client: Client, redis_url: str, streams: Streams, settings: Settings, small_model: SmallModel
) -> None:
    shutil.copytree(small_model.folder, settings.home / "models" / small_model.info.digest)
    activation = activate_behind_a_server(redis_client, streams, small_model)
    publish(redis_client, streams, [event("l-1")])
    async with running(redis_url, settings, is_following=True) as consumer:
        await wait_until_async(lambda: redis_client.xlen(streams.predictions))
        assert consumer.health.reasons == ()
    assert answers(redis_client, streams.predictions)[0]["data"]["model"]["activation"] == activation


async def test_without_a_model_it_waits_and_says_why(
    redis_client: Client, redis_url: str, streams: Streams, settings: Settings, small_model: SmallModel
) -> None:
    activate_behind_a_server(redis_client, streams, small_model)
    publish(redis_client, streams, [event("l-1")])
    async with running(redis_url, settings, is_following=True) as consumer:
        await wait_until_async(
            lambda: any(f"MLflow at {SILENT_MLFLOW} does not answer" in r for r in consumer.health.reasons)
        )
        assert not consumer.health.is_ready
        assert consumer.health.is_living
        shutil.copytree(small_model.folder, settings.home / "models" / small_model.info.digest)
        await wait_until_async(lambda: redis_client.xlen(streams.predictions))
    assert model_events(redis_client, streams, "model.rejected") == []


@pytest.mark.usefixtures("_short_retries")
async def test_registry_away_for_an_hour_at_a_swap(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    settings: Settings,
    small_model: SmallModel,
    other_model: SmallModel,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """An hour has 120 attempts, 30 s apart; here the pauses are shorter."""
    caplog.set_level(logging.WARNING, "consumer.model_follower")
    shutil.copytree(small_model.folder, settings.home / "models" / small_model.info.digest)
    first = activate_behind_a_server(redis_client, streams, small_model)

    def attempts() -> list[float]:
        return [r.__dict__["pause_s"] for r in caplog.records if r.message == "model cannot be loaded, retrying"]

    async with running(redis_url, settings, is_following=True) as consumer:
        await wait_until_async(lambda: consumer.follower.stamp)
        activate_behind_a_server(redis_client, streams, other_model, first)
        await wait_until_async(lambda: len(attempts()) >= 20)
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        await wait_until_async(lambda: len(attempts()) >= 120)
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        publish(redis_client, streams, [event("l-1")])
        await wait_until_async(lambda: redis_client.xlen(streams.predictions))
        assert consumer.health.is_ready
        (reason,) = consumer.health.reasons
        status = read_status(redis_client, streams)
        shutil.copytree(other_model.folder, settings.home / "models" / other_model.info.digest)
        await wait_until_async(lambda: len(model_events(redis_client, streams, "model.swapped")) == 2)
        assert consumer.health.reasons == ()
    assert (
        f"version {other_model.info.version} cannot be loaded yet: MLflow at {SILENT_MLFLOW} does not answer" in reason
    )
    assert any(reason in shown for shown in status.reasons)
    assert attempts()[:4] == [0.005, 0.01, 0.02, 0.02]
    assert set(attempts()[3:]) == {0.02}
    assert after - before < 2_000_000
    assert answers(redis_client, streams.predictions)[0]["data"]["model"]["activation"] == first
    assert model_events(redis_client, streams, "model.rejected") == []


TRANSIENT = {
    "too many open files": OSError(errno.EMFILE, os.strerror(errno.EMFILE)),
    "a library that cannot be mapped": ImportError("libgomp.so.1: failed to map segment from shared object"),
    "no memory": MemoryError(),
}


@pytest.mark.usefixtures("_short_retries")
@pytest.mark.parametrize("case", TRANSIENT)
async def test_a_transient_failure_is_retried(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    settings: Settings,
    small_model: SmallModel,
    monkeypatch: pytest.MonkeyPatch,
    case: str,
) -> None:
    failures = [TRANSIENT[case]] * 3

    def short_score(*arguments: Any) -> Score:
        if failures:
            raise failures.pop()
        return build(*arguments)

    build = form.serving_score
    monkeypatch.setattr(loading, "serving_score", short_score)
    shutil.copytree(small_model.folder, settings.home / "models" / small_model.info.digest)
    activate_behind_a_server(redis_client, streams, small_model)
    async with running(redis_url, settings, is_following=True) as consumer:
        await wait_until_async(lambda: any("cannot be loaded now" in reason for reason in consumer.health.reasons))
        await wait_until_async(lambda: consumer.follower.model)
        assert consumer.health.is_ready
    assert failures == []
    assert model_events(redis_client, streams, "model.rejected") == []


def models_in(settings: Settings) -> set[str]:
    """Complete models in the cache."""
    return {path.name for path in (settings.home / "models").iterdir() if not path.name.startswith(".")}


@pytest.mark.usefixtures("_short_retries")
async def test_disk_full_under_the_cache(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    small_model: SmallModel,
    other_model: SmallModel,
    small_disk: Path,
) -> None:
    settings = settings_for(streams.prefix, home=small_disk, mlflow_uri=_store(small_model), swap={"poll_s": 0.01})
    first = activate(redis_client, streams, small_model)
    async with running(redis_url, settings, is_following=True) as consumer:
        await wait_until_async(lambda: consumer.follower.stamp)
        filler = fill(small_disk)
        second = activate(redis_client, streams, other_model)
        await wait_until_async(lambda: any("No space left on device" in reason for reason in consumer.health.reasons))
        assert models_in(settings) == {small_model.info.digest}
        publish(redis_client, streams, [event("l-1")])
        await wait_until_async(lambda: redis_client.xlen(streams.predictions))
        assert consumer.health.is_ready
        await wait_until_async(
            lambda: any("No space left" in shown for shown in read_status(redis_client, streams).reasons)
        )
        filler.unlink()
        await wait_until_async(lambda: consumer.follower.stamp and consumer.follower.stamp.activation == second)
        assert consumer.health.reasons == ()
        publish(redis_client, streams, [event("l-2")])
        await wait_until_async(lambda: redis_client.xlen(streams.predictions) == 2)
    assert models_in(settings) == {small_model.info.digest, other_model.info.digest}
    stamps = [answer["data"]["model"]["activation"] for answer in answers(redis_client, streams.predictions)]
    assert stamps == [first, second]
    assert model_events(redis_client, streams, "model.rejected") == []


@pytest.mark.usefixtures("_short_retries")
async def test_disk_full_at_the_first_start(
    redis_client: Client, redis_url: str, streams: Streams, small_model: SmallModel, small_disk: Path
) -> None:
    settings = settings_for(streams.prefix, home=small_disk, mlflow_uri=_store(small_model), swap={"poll_s": 0.01})
    filler = fill(small_disk)
    activate(redis_client, streams, small_model)
    publish(redis_client, streams, [event("l-1")])
    async with running(redis_url, settings, is_following=True) as consumer:
        await wait_until_async(lambda: any("No space left on device" in reason for reason in consumer.health.reasons))
        assert not consumer.health.is_ready
        filler.unlink()
        await wait_until_async(lambda: redis_client.xlen(streams.predictions))
        assert consumer.health.is_ready


def _store(model: SmallModel) -> str:
    return model.registry.tracking_uri
