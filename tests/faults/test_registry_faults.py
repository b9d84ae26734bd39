"""MLflow down, deaf or cut off, and a disk full while a model is fetched from it: a real server behind a proxy."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from consumer import model_follower
from operations.verify import verify
from registry.store import Registry
from registry.versions import ModelVersionInfo
from schemas.commands import ModelEvent, Reload
from schemas.settings import Settings
from schemas.streams import Streams
from tests.consumer.harness import Client, answers, count, event, model_events, publish, running, settings_for
from tests.disks import fill, small_disk
from tests.faults.proxy import FaultyProxy
from tests.models import fitted, register, table_of
from tests.redis_server import free_port
from tests.training.worker.command_client import CommandClient, working
from tests.waiting import wait_until, wait_until_async
from training.worker import models

__all__ = ["small_disk"]

pytestmark = pytest.mark.faults

_ACTIVATE = """
local activation = redis.call('XADD', KEYS[1], '*', 'data', ARGV[1])
redis.call('HSET', KEYS[2], 'activation', activation, 'version', ARGV[2], 'digest', ARGV[3], 'uri', ARGV[4])
return activation
"""


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server, whose artifacts are fetched through it."""
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
        process.wait(30)


def _is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture(scope="module")
def versions(server_url: str) -> tuple[ModelVersionInfo, ModelVersionInfo]:
    """Two versions on the server; the first is champion."""
    registry, table = Registry(server_url, "housing"), table_of("housing")
    first, second = (register(registry, fitted(table, trees=trees), table) for trees in (2, 3))
    registry.set_champion(first.version)
    return first, second


@dataclass
class Site:
    """One Redis, and an MLflow behind a proxy, with two versions of which the first is champion."""

    client: Client
    redis_url: str
    streams: Streams
    mlflow: FaultyProxy
    versions: tuple[ModelVersionInfo, ModelVersionInfo]
    entries: list[str] = field(default_factory=list)

    def settings(self, home: Path) -> Settings:
        """Of a consumer and a worker that reach MLflow through the proxy alone."""
        uri = self.mlflow.url.replace("redis://", "http://").removesuffix("/0")
        near = {"mlflow_uri": uri, "redis_url": self.redis_url, "swap": {"poll_s": 0.05}, "registry_poll_s": 0.2}
        return settings_for(self.streams.prefix, home=home, **near)

    def activate(self, number: int) -> str:
        """Make a version the desired one, as the worker would; its models."""
        info = self.versions[number]
        desired, told = info.desired("0-0"), ModelEvent.of("test", "model.activated", version=info.version)
        fields = (told.model_dump_json(), desired.version, desired.digest, desired.uri)
        return str(self.client.eval(_ACTIVATE, 2, self.streams.model_events, self.streams.model, *fields).decode())

    def predicted_by(self) -> list[str]:
        """Which activation made each prediction, in order."""
        return [answer["data"]["model"]["activation"] for answer in answers(self.client, self.streams.predictions)]

    def answered(self) -> int:
        """How many entries have their outcome."""
        return count(self.client, self.streams, "answered")

    def publish(self, number: int = 20) -> None:
        """Publish listings of the next names."""
        first = len(self.entries)
        self.entries += publish(self.client, self.streams, (event(f"l-{first + i}") for i in range(number)))

    async def answer_more(self) -> None:
        """Publish listings, and wait until they are answered."""
        self.publish()
        await wait_until_async(lambda: self.answered() == len(self.entries))


@pytest.fixture
def site(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    server_url: str,
    proxy: Callable[[str], FaultyProxy],
    versions: tuple[ModelVersionInfo, ModelVersionInfo],
) -> Site:
    """Where all is well."""
    return Site(redis_client, redis_url, streams, proxy(server_url), versions)


@pytest.fixture
def settings(site: Site, tmp_path: Path) -> Settings:
    """Settings with a home of their own."""
    return site.settings(tmp_path / "home")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_follower, "FIRST_RETRY_S", 0.1)
    monkeypatch.setattr(model_follower, "LONGEST_RETRY_S", 0.5)


def says(part: Any, words: str) -> Callable[[], bool]:
    """A predicate: a part's health names this."""
    return lambda: any(words in reason for reason in part.health.reasons)


async def test_mlflow_down_at_start(site: Site, settings: Settings) -> None:
    site.mlflow.is_refusing = True
    site.publish()
    async with working(settings), running(site.redis_url, settings, is_following=True) as consumer:
        await wait_until_async(says(consumer, "no model has been activated yet"))
        answer = await CommandClient(site.client, settings).ask(Reload())
        assert (answer.type, answer.data.reason) == ("command.rejected", "registry_unavailable")
        site.mlflow.is_refusing = False
        await wait_until_async(lambda: site.answered() == 20, timeout_s=60)
        assert consumer.health.is_ready
    assert verify(site.client, site.streams, site.entries).outcomes == {"prediction": 20}


async def test_mlflow_deaf_at_a_swap(site: Site, settings: Settings, record: Callable[[dict[str, Any]], None]) -> None:
    """It takes connections and says nothing, as behind a firewall that drops."""
    first = site.activate(0)
    async with running(site.redis_url, settings, is_following=True) as consumer:
        await site.answer_more()
        site.mlflow.is_holding = True
        second = site.activate(1)
        while not says(consumer, "does not answer")():
            await site.answer_more()
        assert consumer.health.is_ready
        await site.answer_more()
        meanwhile = len(site.entries)
        assert set(site.predicted_by()) == {first}
        site.mlflow.is_holding = False
        site.mlflow.cut()
        await wait_until_async(lambda: consumer.follower.stamp and consumer.follower.stamp.activation == second, 60)
        assert consumer.health.reasons == ()
        await site.answer_more()
    assert set(site.predicted_by()[meanwhile:]) == {second}
    assert verify(site.client, site.streams, site.entries).is_kept
    assert model_events(site.client, site.streams, "model.rejected") == []
    record({"answered_while_deaf": meanwhile - 20})


async def test_a_consumer_leaves_though_mlflow_is_deaf(site: Site, settings: Settings) -> None:
    site.mlflow.is_holding = True
    site.activate(0)
    async with running(site.redis_url, settings, is_following=True) as consumer:
        await wait_until_async(says(consumer, "does not answer"))
        begin = time.monotonic()
    assert time.monotonic() - begin < 15


async def test_download_cut_off(site: Site, settings: Settings) -> None:
    site.mlflow.delay_s = 0.05
    wanted = site.activate(0)
    cache = settings.home / "models"
    async with running(site.redis_url, settings, is_following=True) as consumer:
        await wait_until_async(lambda: list(cache.glob(".temporary-*/*/*")))
        site.mlflow.is_refusing = True
        site.mlflow.cut(is_abrupt=True)
        await wait_until_async(says(consumer, "cannot be had yet"), 60)
        assert site.mlflow.connections_cut
        assert not (cache / site.versions[0].digest).exists()
        site.mlflow.is_refusing, site.mlflow.delay_s = False, 0.0
        await wait_until_async(lambda: consumer.follower.stamp, 60)
    assert consumer.follower.stamp
    assert consumer.follower.stamp.activation == wanted
    assert [path.name for path in cache.iterdir()] == [site.versions[0].digest]


async def test_disk_full_under_a_workers_cache(site: Site, small_disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "PATIENCE_S", 1.0)
    settings = site.settings(small_disk)
    filler = fill(small_disk)
    async with working(settings) as app:
        desk = CommandClient(site.client, settings)
        refused = await desk.ask(Reload())
        assert (refused.type, refused.data.reason) == ("command.rejected", "registry_unavailable")
        assert "No space left on device" in (refused.data.message or "")
        filler.unlink()
        taken = await desk.ask(Reload())
        assert (taken.type, taken.data.version) == ("model.activated", site.versions[0].version)
        assert app.failure is None


async def test_disk_full_while_a_model_is_fetched(site: Site, small_disk: Path) -> None:
    settings = site.settings(small_disk)
    first = site.activate(0)
    async with running(site.redis_url, settings, is_following=True) as consumer:
        await site.answer_more()
        filler = fill(small_disk)
        second = site.activate(1)
        await wait_until_async(says(consumer, "No space left on device"), 60)
        await site.answer_more()
        assert consumer.health.is_ready
        assert set(site.predicted_by()) == {first}
        assert not (small_disk / "models" / site.versions[1].digest).exists()
        filler.unlink()
        await wait_until_async(lambda: consumer.follower.stamp and consumer.follower.stamp.activation == second, 60)
        assert consumer.health.reasons == ()
    assert model_events(site.client, site.streams, "model.rejected") == []
