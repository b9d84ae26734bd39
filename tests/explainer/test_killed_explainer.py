"""Explainers that are killed while they explain, from outside or by a listing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from registry.location import tracking_uri_of
from schemas.streams import EXPLAINERS, Streams
from tests.consumer.harness import ROW
from tests.explainer.doomed import DEADLY
from tests.explainer.harness import Client, answered, explanations, request_of, write_requests
from tests.models import SmallModel
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start(redis_url: str, streams: Streams, small_model: SmallModel, tmp_path: Path) -> Iterator[Start]:
    """Starts explainers of one name that can be killed."""
    processes: list[subprocess.Popen[bytes]] = []

    def start_one() -> subprocess.Popen[bytes]:
        arguments = [redis_url, streams.prefix, str(tmp_path), tracking_uri_of(small_model.settings)]
        command = [sys.executable, "-m", "tests.explainer.doomed", *arguments]
        processes.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL))
        return processes[-1]

    yield start_one
    for process in processes:
        process.kill()
        process.wait()


def test_an_explainer_that_is_killed_again_and_again_answers_each_request_once(
    redis_client: Client, streams: Streams, small_model: SmallModel, start: Start
) -> None:
    rows = [{**ROW, "RM": DEADLY if number == 130 else 6.0} for number in range(160)]
    entries = [f"8-{number}" for number in range(160)]
    requests = [request_of(small_model, entry, row) for entry, row in zip(entries, rows, strict=True)]
    write_requests(redis_client, streams, requests)
    process = start()
    wait_until(lambda: redis_client.xlen(streams.explanations) >= 50)
    process.kill()
    process.wait()
    held = redis_client.xpending(streams.explain, EXPLAINERS)["pending"]
    assert held or redis_client.xlen(streams.explain) < 160
    assert 50 <= redis_client.xlen(streams.explanations) < 160

    for _ in range(2):
        assert start().wait(120) < 0, "the deadly row was not reached"
        assert redis_client.xpending(streams.explain, EXPLAINERS)["pending"]

    start()
    wait_until(lambda: redis_client.xlen(streams.explain) == 0)
    assert answered(redis_client, streams) == sorted(entries)
    reasons = {each["id"]: each["data"].get("reason") for each in explanations(redis_client, streams)}
    assert reasons == dict.fromkeys(entries) | {"8-130": "poison"}
