"""A real MLflow server behind a proxy is down, silent or cut off, or the disk is full while a model is fetched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from consumer import model_follower
from consumer.consumer import Consumer
from operations.verify import verify
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.commands import Reload
from schemas.settings import Settings
from schemas.streams import Streams
from tests.activation import activate
from tests.consumer.harness import Client, answers, count, event, model_events, publish, running, settings_for
from tests.disks import fill, small_disk
from tests.faults.conftest import StartProxy
from tests.faults.proxy import FaultyProxy
from tests.models import fitted, register, table_of
from tests.redis_server import free_port
from tests.training.worker.command_client import CommandClient, working
from tests.waiting import wait_until, wait_until_async
from training.worker import models

__all__ = ["small_disk"]

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server, which also serves the artifacts."""
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host=127.0.0.1", f"--port={port}", "--workers=1"),
        *(f"--backend-store-uri=sqlite:///{folder}/mlflow.db", f"--artifacts-destination={folder}/artifacts"),
        "--allowed-hosts=*",
    ]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=os.environ | quiet, stdout=log, stderr=log, start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _is_up(url), timeout_s=90, message=f"MLflow at {url} answers")
        yield url
    finally:
        os.killpg(process.pid, 15)
        process.wait(120)


def _is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture(scope="module")
def versions(server_url: str) -> tuple[ModelVersionInfo, ModelVersionInfo]:
    """Two versions on the server; the first is the champion."""
    registry, table = Registry(server_url, "housing"), table_of("housing")
    first, second = (register(registry, fitted(table, trees=trees), table) for trees in (2, 3))
    registry.set_champion(first.version)
    return first, second


@dataclass
class RegistryScenario:
    """One Redis, and an MLflow behind a proxy, with two versions of which the first is the champion."""

    client: Client
    redis_url: str
    streams: Streams
    mlflow: FaultyProxy
    versions: tuple[ModelVersionInfo, ModelVersionInfo]
    entries: list[str] = field(default_factory=list)

    def settings(self, home: Path) -> Settings:
        """Settings of a consumer and a worker that reach MLflow only through the proxy."""
        uri = self.mlflow.url.replace("redis://", "http://").removesuffix("/0")
        near = {"mlflow_uri": uri, "redis_url": self.redis_url, "swap": {"poll_s": 0.05}, "registry_poll_s": 0.2}
        return settings_for(self.streams.prefix, home=home, **near)

    def activate(self, number: int) -> str:
        """Make a version the desired one; returns its activation."""
        return activate(self.client, self.streams, self.versions[number].desired(""))

    def predicted_by(self) -> list[str]:
        """The activation that made each prediction, in order."""
        return [answer["data"]["model"]["activation"] for answer in answers(self.client, self.streams.predictions)]

    def answered(self) -> int:
        """How many entries have their outcome."""
        return count(self.client, self.streams, "answered")

    def publish(self, number: int = 20) -> None:
        """Publish the next listings."""
        first = len(self.entries)
        self.entries += publish(self.client, self.streams, (event(f"l-{first + i}") for i in range(number)))

    async def answer_more(self) -> None:
        """Publish the next listings, and wait until they are answered."""
        self.publish()
        await wait_until_async(lambda: self.answered() == len(self.entries))


@pytest.fixture
def scenario(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    server_url: str,
    start_proxy: StartProxy,
    versions: tuple[ModelVersionInfo, ModelVersionInfo],
) -> RegistryScenario:
    """A scenario without a fault yet."""
    return RegistryScenario(redis_client, redis_url, streams, start_proxy(server_url), versions)


@pytest.fixture
def settings(scenario: RegistryScenario, tmp_path: Path) -> Settings:
    """Settings with their own home."""
    return scenario.settings(tmp_path / "home")


@pytest.fixture(autouse=True)
def _retry_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_follower, "FIRST_RETRY_S", 0.1)
    monkeypatch.setattr(model_follower, "LONGEST_RETRY_S", 0.5)


def has_reason(consumer: Consumer, words: str) -> Callable[[], bool]:
    """A predicate: a reason of the consumer's health contains these words."""
    return lambda: any(words in reason for reason in consumer.health.reasons)


async def test_mlflow_down_at_the_start(scenario: RegistryScenario, settings: Settings) -> None:
    scenario.mlflow.is_refusing = True
    scenario.publish()
    async with working(settings), running(scenario.redis_url, settings, is_following=True) as consumer:
        await wait_until_async(has_reason(consumer, "no model has been activated yet"))
        reply = await CommandClient(scenario.client, settings).execute(Reload())
        assert (reply.type, reply.data.reason) == ("command.rejected", "registry_unavailable")
        scenario.mlflow.is_refusing = False
        await wait_until_async(lambda: scenario.answered() == 20, timeout_s=60)
        assert consumer.health.is_ready
    assert verify(scenario.client, scenario.streams, scenario.entries).outcomes == {"prediction": 20}


async def test_mlflow_silent_at_a_swap(
    scenario: RegistryScenario, settings: Settings, record: Callable[[dict[str, Any]], None]
) -> None:
    """It accepts connections and sends nothing, as behind a firewall that drops packets."""
    first = scenario.activate(0)
    async with running(scenario.redis_url, settings, is_following=True) as consumer:
        await scenario.answer_more()
        scenario.mlflow.is_holding = True
        second = scenario.activate(1)
        while not has_reason(consumer, "does not answer")():
            await scenario.answer_more()
        assert consumer.health.is_ready
        await scenario.answer_more()
        before = len(scenario.entries)
        assert set(scenario.predicted_by()) == {first}
        scenario.mlflow.is_holding = False
        scenario.mlflow.cut()
        await wait_until_async(lambda: consumer.follower.stamp and consumer.follower.stamp.activation == second, 60)
        assert consumer.health.reasons == ()
        await scenario.answer_more()
    assert set(scenario.predicted_by()[before:]) == {second}
    assert verify(scenario.client, scenario.streams, scenario.entries).is_kept
    assert model_events(scenario.client, scenario.streams, "model.rejected") == []
    record({"answered_while_silent": before - 20})


async def test_consumer_leaves_while_mlflow_is_silent(scenario: RegistryScenario, settings: Settings) -> None:
    scenario.mlflow.is_holding = True
    scenario.activate(0)
    async with running(scenario.redis_url, settings, "a", is_following=True) as consumer:
        await wait_until_async(has_reason(consumer, "does not answer"))
        await wait_until_async(lambda: scenario.client.hexists(scenario.streams.consumers, "a"))
    assert scenario.mlflow.is_holding
    assert not scenario.client.hexists(scenario.streams.consumers, "a"), "it has left cleanly"


async def test_download_cut_off(scenario: RegistryScenario, settings: Settings) -> None:
    scenario.mlflow.delay_s = 0.05
    activation = scenario.activate(0)
    cache = settings.home / "models"
    async with running(scenario.redis_url, settings, is_following=True) as consumer:
        await wait_until_async(lambda: list(cache.glob(".temporary-*/*/*")))
        scenario.mlflow.is_refusing = True
        scenario.mlflow.cut(is_abrupt=True)
        await wait_until_async(has_reason(consumer, "cannot be loaded yet"), 60)
        assert scenario.mlflow.connections_cut
        assert not (cache / scenario.versions[0].digest).exists()
        scenario.mlflow.is_refusing, scenario.mlflow.delay_s = False, 0.0
        await wait_until_async(lambda: consumer.follower.stamp, 60)
    assert consumer.follower.stamp
    assert consumer.follower.stamp.activation == activation
    assert [path.name for path in cache.iterdir()] == [scenario.versions[0].digest]


async def test_disk_full_under_the_cache_of_a_worker(
    scenario: RegistryScenario, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "REGISTRY_TIMEOUT_S", 1.0)
    settings = scenario.settings(small_disk)
    filler = fill(small_disk)
    async with working(settings) as app:
        commands = CommandClient(scenario.client, settings)
        rejected = await commands.execute(Reload())
        assert (rejected.type, rejected.data.reason) == ("command.rejected", "registry_unavailable")
        assert "No space left on device" in (rejected.data.message or "")
        filler.unlink()
        reload = await commands.execute(Reload())
        assert (reload.type, reload.data.version) == ("model.activated", scenario.versions[0].version)
        assert app.failure is None


async def test_disk_full_while_a_model_is_fetched(scenario: RegistryScenario, small_disk: Path) -> None:
    settings = scenario.settings(small_disk)
    first = scenario.activate(0)
    async with running(scenario.redis_url, settings, is_following=True) as consumer:
        await scenario.answer_more()
        filler = fill(small_disk)
        second = scenario.activate(1)
        await wait_until_async(has_reason(consumer, "No space left on device"), 60)
        await scenario.answer_more()
        assert consumer.health.is_ready
        assert set(scenario.predicted_by()) == {first}
        assert not (small_disk / "models" / scenario.versions[1].digest).exists()
        filler.unlink()
        await wait_until_async(lambda: consumer.follower.stamp and consumer.follower.stamp.activation == second, 60)
        assert consumer.health.reasons == ()
    assert model_events(scenario.client, scenario.streams, "model.rejected") == []
