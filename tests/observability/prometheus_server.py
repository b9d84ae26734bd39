"""Runs a real Prometheus and its promtool in containers."""

from __future__ import annotations

import json
import os
import urllib.error
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import yaml

from tests.docker_engine import engine
from tests.redis_server import free_port
from tests.waiting import wait_until

IMAGE = os.environ.get("PROMETHEUS_IMAGE", "prom/prometheus:v2.53.4")
FILES = Path(__file__).parents[2] / "monitoring"
RULES = FILES / "prometheus" / "rules.yml"
RULE_TESTS = FILES / "prometheus" / "rules.test.yml"
DASHBOARDS = sorted((FILES / "grafana" / "dashboards").glob("*.json"))


def promtool(*arguments: str) -> tuple[int, str]:
    """Run promtool in the folder of the rules; returns its exit code and output."""
    with engine() as client:
        container = client.containers.run(
            IMAGE,
            arguments,
            entrypoint="promtool",
            working_dir="/rules",
            detach=True,
            volumes=_at(RULES.parent, "/rules"),
        )
        try:
            return container.wait()["StatusCode"], container.logs().decode()
        finally:
            container.remove(force=True)


def _at(folder: Path, path: str) -> dict[str, dict[str, str]]:
    return {str(folder): {"bind": path, "mode": "ro"}}


class Prometheus:
    """A running server.

    Args:
        port: on loopback.
    """

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/api/v1"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The current result of an expression."""
        result: list[dict[str, Any]] = self._get("query", query=expression)["result"]
        return result

    def firing(self) -> list[dict[str, Any]]:
        """The firing alerts."""
        return [alert for alert in self._get("alerts")["alerts"] if alert["state"] == "firing"]

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self.query("vector(1)"))
        except (urllib.error.URLError, ConnectionError):
            return False

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        with urlopen(f"{self._url}/{path}?{urlencode(parameters)}") as reply:  # noqa: S310 - an address of our own
            data: dict[str, Any] = json.load(reply)["data"]
            return data


@contextmanager
def scraping(
    folder: Path, targets: Mapping[str, list[int]], rules: Path = RULES, alertmanager: int | None = None
) -> Iterator[Prometheus]:
    """Run a Prometheus that scrapes processes on these ports of this machine, by job, once a second.

    Alerts go to an Alertmanager on a port, if one is given. The container shares the machine's network, because the
    processes listen on loopback only.
    """
    folder.chmod(0o755)  # the server runs as another user
    labels = {"domain": "housing"}
    addresses = {job: [f"127.0.0.1:{port}" for port in ports] for job, ports in targets.items()}
    jobs = [
        {"job_name": job, "static_configs": [{"targets": hosts, "labels": labels}]} for job, hosts in addresses.items()
    ]
    intervals = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    managers = [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}] if alertmanager else []
    alerting = {"alertmanagers": managers}
    config = {"global": intervals, "alerting": alerting, "rule_files": ["/config/rules.yml"], "scrape_configs": jobs}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (folder / "rules.yml").write_bytes(rules.read_bytes())
    port = free_port()
    # the first alert may fire before Prometheus has discovered the Alertmanager
    options = ["--config.file=/config/prometheus.yml", "--storage.tsdb.path=/data", "--rules.alert.resend-delay=1s"]
    options.append(f"--web.listen-address=127.0.0.1:{port}")
    with engine() as client:
        container = client.containers.run(
            IMAGE,
            options,
            detach=True,
            network_mode="host",
            tmpfs={"/data": "mode=1777"},
            volumes=_at(folder, "/config"),
        )
        server = Prometheus(port)
        try:
            wait_until(server.is_ready, 30, "Prometheus answers")
            yield server
        finally:
            container.remove(force=True)
