"""Every expression of rules and dashboards, on a real Prometheus that scraped a short run."""

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
from tests.observability.expressions import of_dashboards, of_rules, selectors
from tests.observability.prometheus_server import IMAGE, Prometheus, scraping
from tests.waiting import wait_until

__all__ = ["small_model"]

OF_CLASSES = "tasador_quality_accuracy_ratio"
"""What only a classification tells; prices have none."""

ROOT = Path(__file__).parents[2]
Start = Callable[..., dict[str, list[int]]]


@pytest.fixture
def start(redis_url: str, streams: Streams, small_model: SmallModel, tmp_path: Path) -> Iterator[Start]:
    """Starts parts as processes, all at once, and gives their ports."""
    processes: list[subprocess.Popen[bytes]] = []

    def run(part: str) -> Path:
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
        command = [sys.executable, "-m", "tasador", part, "--name", "a", "--port", "0"]
        log = tmp_path / f"{part}.log"
        with log.open("wb") as file:
            processes.append(subprocess.Popen(command, cwd=ROOT, env=environment, stderr=file))
        return log

    def run_all(*parts: str) -> dict[str, list[int]]:
        logs = {part: run(part) for part in parts}
        return {part: [wait_until(partial(_port, log), 60, f"{part} serves")] for part, log in logs.items()}

    yield run_all
    for process in processes:
        process.kill()
        process.wait()


def _port(log: Path) -> int:
    """Where a part listens, once its log says so; 0 until then."""
    lines = (json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.endswith("}"))
    return next((int(line["port"]) for line in lines if line["message"] == "listening"), 0)


def test_every_expression_finds_data(
    redis_client: Client, streams: Streams, small_model: SmallModel, start: Start, tmp_path: Path
) -> None:
    need_image(IMAGE)
    activate(redis_client, streams, small_model)
    publish(redis_client, streams, [b"{", *(event(f"l-{i}", {**ROW, "RM": 3.6 + i / 100}) for i in range(200))])
    for number in range(50):
        outcome = Outcome(id=f"o-{number}", data=OutcomeData(listing_id=f"l-{number}", outcome=20.0))
        redis_client.xadd(streams.outcomes, {DATA_FIELD: outcome.model_dump_json()})
    parts = start("consumer", "trainer", "monitor")
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with scraping(folder, parts) as prometheus:
        unseen = _Unseen(prometheus)
        wait_until(unseen.is_empty, 60)


class _Unseen:
    """What has found no data so far; a traffic of its own is not needed, since rates of 0 are data too."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        queries = {selector for _, expression in of_rules() for selector in selectors(expression)}
        queries |= {expression for _, expression in of_dashboards()}
        self._queries = sorted(query for query in queries if not query.startswith(OF_CLASSES))

    def is_empty(self) -> bool:
        self._queries = [query for query in self._queries if not self._prometheus.query(query)]
        return not self._queries

    def __repr__(self) -> str:
        return f"selectors of rules and queries of dashboards without data: {self._queries}"
