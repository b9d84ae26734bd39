"""Every pod of deploy/kubernetes starts as it would in a cluster and answers its probes: `make compose-test`.

Not in `make test`: it needs a container engine, and an image that takes two minutes to build the first time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.consumer.harness import ROW
from tests.containers.pods_as_containers import PodContainers
from tests.containers.project import Project
from tests.kubernetes.overlays import Resource, of_kind, render_overlay
from tests.waiting import wait_until

pytestmark = pytest.mark.timeout(900)

TIMEOUT_S = 120
PROBES = ("startup", "liveness", "readiness")
LISTINGS = 50


@pytest.fixture(scope="module")
def resources() -> list[Resource]:
    return render_overlay("http")


@pytest.fixture(scope="module")
def pods(resources: list[Resource], tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodContainers]:
    """All pods, once the first training has made a champion and there is a key."""
    Project().compose("build", "mlflow")
    images = {
        "tasador:local": os.environ.get("TASADOR_IMAGE", "tasador:local"),
        "redis:8.0": os.environ.get("REDIS_IMAGE", "redis:8.0"),
    }
    pods = PodContainers(resources, images, tmp_path_factory.mktemp("configs"))
    try:
        for first in ("redis", "mlflow"):
            pods.start(first)
            _wait_for(pods, first, "readiness")
        for workload in ("trainer", "monitor", "operator", "consumer", "explainer", "first-training"):
            pods.start(workload)
        # gateway and console do not start without a key
        pods.run("operator", "tasador", "keys", "add", "unused")
        pods.start("gateway")
        pods.start("console")
        assert pods.wait_for_end("first-training") == 0, pods.logs("first-training")
        yield pods
    finally:
        pods.close()


def _wait_for(pods: PodContainers, workload: str, probe: str) -> None:
    def passes() -> bool:
        assert pods.exit_code(workload) is None, pods.logs(workload)
        return pods.passes(workload, probe)

    wait_until(passes, TIMEOUT_S, f"{workload} passes its {probe} probe")


@pytest.mark.parametrize(
    "workload", ["redis", "mlflow", "trainer", "monitor", "consumer", "explainer", "gateway", "console"]
)
def test_every_probe_of_every_pod_is_answered(pods: PodContainers, workload: str) -> None:
    for probe in PROBES:
        _wait_for(pods, workload, probe)


def test_no_pod_is_left_out(pods: PodContainers) -> None:
    assert set(pods.pods) == pods.started


def test_the_gateway_answers_from_the_model_of_the_first_training(pods: PodContainers) -> None:
    _wait_for(pods, "consumer", "readiness")
    key = pods.run("operator", "tasador", "keys", "add", "web-shop").split()[0]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def answer() -> Any:
        status, text = pods.get("operator", "http://gateway:8000/predict", headers, json.dumps(ROW))
        # a new key is known after a second
        return json.loads(text) if status == 200 else None

    assert wait_until(answer, TIMEOUT_S, "the gateway answers")["model_version"] == "1"


def test_the_metric_of_the_trigger_rises_without_consumers_and_falls_with_one(
    pods: PodContainers, resources: list[Resource]
) -> None:
    (trigger,) = of_kind(resources, "ScaledObject")["consumer"]["spec"]["triggers"]

    def metric() -> Any:
        status, text = pods.get("operator", trigger["metadata"]["url"])
        assert status == 200, text
        return json.loads(text)[trigger["metadata"]["valueLocation"]]

    pods.stop("consumer")
    assert metric() <= 1, "no backlog; listings may have come a moment ago"
    pods.run("operator", "tasador", "publish", "--sample", str(LISTINGS))
    assert metric() == LISTINGS
    pods.start("consumer")
    wait_until(lambda: metric() <= 1, TIMEOUT_S, "the backlog is empty")
    pods.run("operator", "tasador", "verify", "--complete")
