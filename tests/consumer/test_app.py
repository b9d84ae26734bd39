"""The consumer's application: endpoints, AsyncAPI, and reading answers with FastStream."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from faststream.redis import RedisBroker, StreamSub

from schemas.domain import load_domain
from schemas.events import Prediction
from schemas.states import ConsumerHeartbeat
from schemas.streams import Streams
from service.asyncapi import describe
from tests.conftest import StartRedis
from tests.consumer.harness import Client, activate, count, event, model_events, outcomes, pending, publish
from tests.models import SmallModel
from tests.waiting import wait_until, wait_until_async

ROOT = Path(__file__).parents[2]
StartConsumer = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(redis_url: str, streams: Streams, small_model: SmallModel) -> Iterator[StartConsumer]:
    """Starts real consumers: ``tasador consumer``."""
    processes: list[subprocess.Popen[str]] = []

    def run(name: str = "a", **variables: str) -> subprocess.Popen[str]:
        settings = {
            "TASADOR_REDIS_URL": redis_url,
            "TASADOR_PREFIX": streams.prefix,
            # models come only from the registry of this home
            "TASADOR_HOME": str(small_model.settings.home),
            "TASADOR_HEARTBEAT_S": "0.1",
        }
        command = [sys.executable, "-m", "tasador", "consumer", "--name", name, "--port", "0"]
        environment = os.environ | settings | variables
        processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True))
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def address(client: Client, streams: Streams, name: str = "a") -> str:
    """The address of a consumer's endpoints, once it is live."""
    beat = wait_until(lambda: client.hget(streams.consumers, name), timeout_s=40, message="a heartbeat")
    return f"http://127.0.0.1:{ConsumerHeartbeat.model_validate_json(beat).port}"


def get(url: str) -> tuple[int, str]:
    """Status and body of an HTTP answer."""
    try:
        with urlopen(url) as reply:  # noqa: S310 - an address of our own
            return reply.status, reply.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_consumer_from_the_command_line(
    redis_client: Client, streams: Streams, start: StartConsumer, small_model: SmallModel
) -> None:
    process = start()
    base = address(redis_client, streams)
    assert get(f"{base}/livez")[0] == 200
    status, body = get(f"{base}/readyz")
    assert status == 503
    assert "no model" in body
    activate(redis_client, streams, small_model)
    publish(redis_client, streams, [event("l-1")])
    wait_until(lambda: redis_client.xlen(streams.predictions))
    assert get(f"{base}/readyz")[0] == 200
    _, metrics = get(f"{base}/metrics")
    assert 'tasador_events_total{outcome="scored"} 1.0' in metrics
    assert f'version="{small_model.info.version}"' in metrics
    status, document = get(f"{base}/docs/asyncapi.json")
    assert (status, f"{streams.prefix}:listings" in document) == (200, True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    assert pending(redis_client, streams) == 0
    assert not redis_client.hexists(streams.consumers, "a")


def test_an_activation_takes_effect_at_once(
    redis_client: Client, streams: Streams, start: StartConsumer, small_model: SmallModel, other_model: SmallModel
) -> None:
    """With polling disabled, only the event can wake the follower."""
    activate(redis_client, streams, small_model)
    start(TASADOR_SWAP__POLL_S="3600")
    wait_until(lambda: model_events(redis_client, streams, "model.swapped"), timeout_s=40)
    activate(redis_client, streams, other_model)
    wait_until(lambda: len(model_events(redis_client, streams, "model.swapped")) == 2)


def test_two_processes_share_the_work(
    redis_client: Client, streams: Streams, start: StartConsumer, small_model: SmallModel
) -> None:
    activate(redis_client, streams, small_model)
    for name in ("a", "b"):
        start(name, TASADOR_BATCH__MAX_RECORDS="20")
    wait_until(lambda: len(model_events(redis_client, streams, "model.swapped")) == 2, timeout_s=60)
    entries = publish(redis_client, streams, (event(f"l-{i}") for i in range(3000)))
    wait_until(lambda: count(redis_client, streams, "answered") == 3000)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    answered = [
        float(line.split()[-1])
        for name in ("a", "b")
        for line in get(f"{address(redis_client, streams, name)}/metrics")[1].splitlines()
        if line.startswith('tasador_events_total{outcome="scored"}')
    ]
    assert sum(answered) == 3000
    assert min(answered) > 0


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"TASADOR_REDIS_URL": "redis://127.0.0.1:1/0"}, "Redis at redis://127.0.0.1:1/0 does not answer"),
        (
            {"TASADOR_REDIS_URL": "redis://u:secret@127.0.0.1:1/0"},
            "Redis at redis://u:***@127.0.0.1:1/0 does not answer",
        ),
        ({"TASADOR_COLOUR": "red"}, "TASADOR_COLOUR: there is no such setting"),
        ({"TASADOR_DOMAIN": "boats"}, "no domain 'boats'"),
        ({"TASADOR_BATCH__MAX_RECORDS": "many"}, "TASADOR_BATCH__MAX_RECORDS"),
    ],
)
def test_a_configuration_error_is_one_line(start: StartConsumer, variables: dict[str, str], complaint: str) -> None:
    process = start(**variables)
    _, complaints = process.communicate(timeout=120)
    assert process.returncode != 0
    assert complaint in complaints
    assert "Traceback" not in complaints
    assert "secret" not in complaints
    assert len(complaints.strip().splitlines()) == 1


def test_cluster_without_a_hash_tag_is_refused(private_redis: StartRedis, start: StartConsumer) -> None:
    server = private_redis("--cluster-enabled", "yes")
    url = f"redis+cluster://127.0.0.1:{server.port}"
    process = start(TASADOR_REDIS_URL=url, TASADOR_PREFIX="plain")
    _, complaints = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "hash tag" in complaints
    assert "Traceback" not in complaints


async def test_faststream_subscriber_reads_predictions_into_the_contract(
    redis_client: Client, redis_url: str, streams: Streams, start: StartConsumer, small_model: SmallModel
) -> None:
    activate(redis_client, streams, small_model)
    received: list[Prediction] = []
    broker = RedisBroker(redis_url)

    @broker.subscriber(stream=StreamSub(streams.predictions, last_id="0"))
    async def on_prediction(prediction: Prediction) -> None:
        received.append(prediction)

    (entry,) = publish(redis_client, streams, [event("l-1", source="/agency/42")])
    await asyncio.to_thread(start)
    async with broker:
        await broker.start()
        await wait_until_async(lambda: received, timeout_s=40)
    assert received[0].id == entry
    assert received[0].data.listing_source == "/agency/42"
    plain: Any = redis_client.xrange(streams.predictions)
    assert Prediction.model_validate_json(plain[0][1][b"data"]) == received[0]


@pytest.mark.parametrize("name", ["housing", "obesity"])
def test_asyncapi_shows_every_channel_with_its_fields(name: str) -> None:
    domain = load_domain(name)
    described: Any = describe("consumer", domain, Streams(name)).to_specification().to_jsonable()
    addresses = {channel["address"] for channel in described["channels"].values()}
    shown = ("listings", "predictions", "dead-letters", "repeats", "commands", "model-events", "outcomes")
    assert {f"{name}:{key}" for key in shown} <= addresses
    text = str(described["components"]["schemas"])
    assert all(column in text for column in domain.columns)
