"""A firing alert reaches the webhook through a real Prometheus and a real Alertmanager."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docker_engine import need_image
from tests.observability.prometheus_server import FILES, IMAGE, RULES, scraping
from tests.redis_server import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]


def _alertmanager() -> str:
    """Path of the program, which Debian calls prometheus-alertmanager."""
    path = os.environ.get("ALERTMANAGER") or shutil.which("alertmanager") or shutil.which("prometheus-alertmanager")
    if path is None:
        pytest.skip("needs an Alertmanager: apt-get install prometheus-alertmanager, or set ALERTMANAGER to one")
    return path


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Starts a program, and returns the file with its output."""
    running: list[subprocess.Popen[bytes]] = []

    def start(*command: str) -> Path:
        log = tmp_path / f"{len(running)}.log"
        with log.open("wb") as file:
            running.append(subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT))
        return log

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_an_alert_is_received_at_the_webhook(process: Callable[..., Path], tmp_path: Path) -> None:
    program = _alertmanager()
    need_image(IMAGE)
    received = process(sys.executable, str(ROOT / "deploy" / "webhook.py"), "127.0.0.1", "0")
    webhook = wait_until(lambda: _lines(received), message="the webhook listens")[0]["listening"]
    config = (FILES / "alertmanager" / "alertmanager.yml").read_text(encoding="utf-8")
    (tmp_path / "alertmanager.yml").write_text(
        config.replace("http://webhook:8080/", f"http://127.0.0.1:{webhook}/").replace(
            "group_wait: 10s", "group_wait: 0s"
        ),
        encoding="utf-8",
    )
    port = free_port()
    process(
        program,
        f"--config.file={tmp_path / 'alertmanager.yml'}",
        f"--storage.path={tmp_path / 'alerts'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    )
    # alerts that fire at once, so that the test need not wait a minute
    rules = tmp_path / "rules.yml"
    rules.write_text(re.sub(r"for: \w+", "for: 0s", RULES.read_text(encoding="utf-8")), encoding="utf-8")
    folder = tmp_path / "prometheus"
    folder.mkdir()
    with scraping(folder, {"consumer": [free_port()]}, rules, alertmanager=port):
        alert = wait_until(lambda: _lines(received)[1:], 60, "the webhook receives the alert")[0]
    assert (alert["alertname"], alert["status"], alert["severity"]) == ("TasadorNoConsumer", "firing", "page")
    assert alert["runbook"].startswith("docs/runbook.md#")


def _lines(log: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
