"""Every expression of rules and dashboards finds data in a real Prometheus that scraped a short run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from schemas.events import Outcome, OutcomeData
from schemas.streams import DATA_FIELD, Streams
from tests.consumer.harness import ROW, Client, activate, event, publish
from tests.docker_engine import need_image
from tests.models import SmallModel, small_model
from tests.observability.expressions import dashboard_expressions, rule_expressions, selectors
from tests.observability.prometheus_server import IMAGE, Prometheus, scraping
from tests.waiting import wait_until

__all__ = ["small_model"]

CLASSES = "classes: "
"""Begins the titles of the dashboard that only a domain of classes fills; `test_dashboards.py` tests it."""
CLASSIFICATION_METRIC = "tasador_quality_accuracy_ratio"
"""A metric of rules that only a classification has."""

ROLLOUT_METRICS = "tasador_rollout_"
"""Begins the metrics of which most exist only while there is a rollout; `test_dashboards.py` tests them."""

ROOT = Path(__file__).parents[2]
StartSystem = Callable[..., dict[str, list[int]]]


@pytest.fixture
def start(redis_url: str, streams: Streams, small_model: SmallModel, tmp_path: Path) -> Iterator[StartSystem]:
    """Starts processes of the product, all at once, and returns their ports."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(command: str) -> Path:
        environment = os.environ | {
            "TASADOR_REDIS_URL": redis_url,
            "TASADOR_PREFIX": streams.prefix,
            "TASADOR_HOME": str(small_model.settings.home),
            "TASADOR_REGISTRY_POLL_S": "0.2",
            "TASADOR_RETENTION__INTERVAL_S": "0.2",
            "TASADOR_MONITOR__INTERVAL_S": "0.5",
            "TASADOR_DRIFT__MIN_ROWS": "10",
            "TASADOR_LOG_FORMAT": "json",
        }
        arguments = [sys.executable, "-m", "tasador", command, "--name", "a", "--port", "0"]
        log = tmp_path / f"{command}.log"
        with log.open("wb") as file:
            processes.append(subprocess.Popen(arguments, cwd=ROOT, env=environment, stderr=file))
        return log

    def run_all(*commands: str) -> dict[str, list[int]]:
        logs = {command: run(command) for command in commands}
        return {command: [wait_until(partial(_port, log), 60, f"{command} serves")] for command, log in logs.items()}

    yield run_all
    for process in processes:
        process.kill()
        process.wait()


def _port(log: Path) -> int:
    """The port in a process's log; 0 until it is there."""
    lines = (json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.endswith("}"))
    return next((int(line["port"]) for line in lines if line["message"] == "listening"), 0)


def test_every_expression_finds_data(
    redis_client: Client, streams: Streams, small_model: SmallModel, start: StartSystem, tmp_path: Path
) -> None:
    need_image(IMAGE)
    activate(redis_client, streams, small_model)
    publish(redis_client, streams, [b"{", *(event(f"l-{i}", {**ROW, "RM": 3.6 + i / 100}) for i in range(200))])
    for number in range(50):
        outcome = Outcome(id=f"o-{number}", data=OutcomeData(listing_id=f"l-{number}", outcome=20.0 + number / 10))
        redis_client.xadd(streams.outcomes, {DATA_FIELD: outcome.model_dump_json()})
    ports = start("consumer", "trainer", "monitor")
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with scraping(folder, ports) as prometheus:
        without_data = _QueriesWithoutData(prometheus)
        wait_until(without_data.is_empty, 60)


class _QueriesWithoutData:
    """The queries that have found no data so far. They need no continuous traffic, because a rate of 0 is data too."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        queries = {selector for _, expression in rule_expressions() for selector in selectors(expression)}
        queries |= {expression for title, expression in dashboard_expressions() if not title.startswith(CLASSES)}
        self._queries = sorted(
            query for query in queries if not query.startswith(CLASSIFICATION_METRIC) and ROLLOUT_METRICS not in query
        )

    def is_empty(self) -> bool:
        self._queries = [query for query in self._queries if not self._prometheus.query(query)]
        return not self._queries

    def __repr__(self) -> str:
        return f"selectors of rules and queries of dashboards without data: {self._queries}"
