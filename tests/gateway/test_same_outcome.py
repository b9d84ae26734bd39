"""A request that is sent again gets the first prediction, whatever happened to the first one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from schemas.settings import Settings
from schemas.streams import Streams
from tasador.machine.ports import find_free_port
from tasador.machine.supervision import tasador_command
from tests.consumer.harness import PRICE_OF_ROW, ROW, Client, answers, outcomes
from tests.gateway.system import HttpClient, answered, consuming, gateway_settings, serving
from tests.waiting import wait_until


@pytest.mark.parametrize("header", [False, True], ids=["id", "Idempotency-Key"])
def test_a_repeated_request_gets_the_first_prediction(gateway: HttpClient, *, header: bool) -> None:
    listing_id = f"twice-{header}"
    identity, headers = ({}, {"Idempotency-Key": listing_id}) if header else ({"id": listing_id}, {})
    first = gateway.post("/predict", {**identity, **ROW}, headers).json
    again = gateway.post("/predict", {**identity, **ROW, "RM": 7}, headers).json
    assert again["listing_id"] == listing_id
    assert again["prediction"] == first["prediction"] == PRICE_OF_ROW
    assert (again["entry"], again["time"], again["is_repeat"]) == (first["entry"], first["time"], True)


def test_a_repeated_batch_gets_the_first_predictions(gateway: HttpClient) -> None:
    sent = [gateway.post("/predict/batch", [ROW, ROW], {"Idempotency-Key": "batch-1"}).json for _ in range(2)]
    first, again = ([one["entry"] for one in each["predictions"]] for each in sent)
    assert first == again
    assert len(set(first)) == 2


def test_one_id_at_the_same_time_is_predicted_once(
    gateway: HttpClient, shared_redis: Client, shared_streams: Streams
) -> None:
    with ThreadPoolExecutor(16) as pool:
        replies = [*pool.map(lambda _: gateway.post("/predict", {"id": "same-1", **ROW}), range(32))]
    assert {(reply.status, reply.json["entry"]) for reply in replies} == {(200, replies[0].json["entry"])}
    predicted = [one["data"]["listing_id"] for one in answers(shared_redis, shared_streams.predictions)]
    assert predicted.count("same-1") == 1


def test_an_answer_that_came_too_late_is_found_again(
    redis_url: str, redis_client: Client, prefix: str, streams: Streams
) -> None:
    settings = gateway_settings(redis_url, prefix, gateway={"timeout_s": 0.3})
    with serving([settings], is_scoring=False) as client:
        pretend_a_consumer(redis_client, streams)
        wait_until(lambda: client.get("/v2/health/ready").status == 200)
        late = client.post("/predict", {"id": "late-1", **ROW})
        assert (late.status, late.json["reason"], late.json["listing_id"]) == (504, "not_answered", "late-1")
        assert client.get("/predictions/late-1").status == 404
        with consuming(redis_url, settings):
            found = answered(client, "/predictions/late-1")
            assert found.json["entry"] == late.json["entry"]
            again = client.post("/predict", {"id": "late-1", **ROW})
            assert (again.status, again.json["entry"]) == (200, late.json["entry"])


def pretend_a_consumer(client: Client, streams: Streams) -> None:
    """Write the heartbeat of a consumer that does not run, so that requests are accepted and wait."""
    seconds, micros = client.time()
    beat = {"name": "p", "instance": "p", "host": "h", "pid": 1, "started_ms": 0, "state": "running", "version": "1"}
    client.hset(streams.consumers, "p", json.dumps(beat | {"at_ms": seconds * 1000 + micros // 1000 + 1500}))


def test_an_outcome_survives_a_gateway_that_is_killed_in_mid_request(
    redis_url: str, redis_client: Client, prefix: str, streams: Streams, tmp_path: Path
) -> None:
    environment = os.environ | {
        "TASADOR_REDIS_URL": redis_url,
        "TASADOR_PREFIX": prefix,
        "TASADOR_HOME": str(tmp_path),
        "TASADOR_HEARTBEAT_S": "5",
    }
    port = find_free_port()
    command = tasador_command("gateway", "housing", "--name", "g", "--port", str(port))
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=log, stderr=log)
    client = HttpClient(port)
    try:
        pretend_a_consumer(redis_client, streams)
        wait_until(lambda: _is_ready(client), 30, "the gateway sees a consumer")
        asking = HTTPConnection("127.0.0.1", port, timeout=60)
        body = json.dumps({"id": "killed-1", **ROW})
        asking.request("POST", "/predict", body, {"Content-Type": "application/json"})
        wait_until(lambda: redis_client.xlen(streams.listings) == 1, 20, "the listing is published")
        process.send_signal(signal.SIGKILL)
        process.wait(120)
        with pytest.raises((ConnectionError, OSError)):
            asking.getresponse()
        asking.close()
    finally:
        process.kill()
        process.wait(120)
        assert process.stdin is not None
        process.stdin.close()
    settings: Settings = gateway_settings(redis_url, prefix)
    with consuming(redis_url, settings), serving([settings]) as other:
        reply = other.post("/predict", {"id": "killed-1", **ROW})
    assert (reply.status, reply.json["prediction"]) == (200, PRICE_OF_ROW)
    assert len(answers(redis_client, streams.predictions)) == 1
    assert set(outcomes(redis_client, streams).values()) == {1}


def _is_ready(client: HttpClient) -> bool:
    try:
        return client.get("/v2/health/ready").status == 200
    except ConnectionError:
        return False
