"""`tasador mlflow`: MLflow's page on the store that everything else uses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest
import requests

from registry.store import Registry
from tasador.cli.commands.mlflow import mlflow
from tests.models import SmallModel, own_model, small_model
from tests.tasador.command import command_of

__all__ = ["own_model", "small_model"]


def test_the_page_shows_what_is_registered_and_ends_with_ctrl_c(own_model: SmallModel) -> None:
    environment = os.environ | {"TASADOR_HOME": str(own_model.settings.home)}
    command = [sys.executable, "-m", "tasador", "mlflow", "--json"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        assert url.startswith("http://127.0.0.1:")
        assert requests.get(url, timeout=10).ok
        over_http = Registry(url, "housing").resolve()
        assert (over_http.version, over_http.digest) == ("1", own_model.info.digest)
        servers = psutil.Process(process.pid).children(recursive=True)
        assert servers
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    _, alive = psutil.wait_procs(servers, timeout=10)
    assert not alive


def test_of_a_server_the_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_MLFLOW_URI", "http://mlflow.example:5000")
    assert command_of(mlflow).json() == {"url": "http://mlflow.example:5000"}
