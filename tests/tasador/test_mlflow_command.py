"""`tasador mlflow`: serves MLflow's web page for the registry."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import requests

from registry.store import Registry
from tasador.cli.commands.mlflow import mlflow
from tests.folders import AWKWARD_NAME
from tests.models import SmallModel, own_model, small_model
from tests.tasador.command import runner_of

__all__ = ["own_model", "small_model"]


def test_the_page_serves_the_registry_until_ctrl_c(own_model: SmallModel, tmp_path: Path) -> None:
    home = own_model.in_copy(tmp_path / AWKWARD_NAME).settings.home
    environment = os.environ | {"TASADOR_HOME": str(home)}
    command = [sys.executable, "-m", "tasador", "mlflow", "--json"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        printed = json.loads(process.stdout.readline())
        url = printed["url"]
        experiment = own_model.registry.client.get_experiment_by_name("housing")
        assert experiment is not None
        assert printed["experiment_url"] == f"{url}/#/experiments/{experiment.experiment_id}"
        assert url.startswith("http://127.0.0.1:")
        assert requests.get(url, timeout=10).ok
        over_http = Registry(url, "housing").resolve()
        assert (over_http.version, over_http.digest) == ("1", own_model.info.digest)
        servers = psutil.Process(process.pid).children(recursive=True)
        assert servers
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    _, alive = psutil.wait_procs(servers, timeout=10)
    assert not alive


def test_the_address_of_an_mlflow_server_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_MLFLOW_URI", "http://mlflow.example:5000")
    assert runner_of(mlflow).json() == {"url": "http://mlflow.example:5000"}


def test_a_port_in_use_is_an_error_of_one_line(own_model: SmallModel) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "tasador", "mlflow", "--port", str(port)],
            env=os.environ | {"TASADOR_HOME": str(own_model.settings.home)},
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"tasador: port {port} on 127.0.0.1 is in use: choose another, or 0 for a free one\n"
