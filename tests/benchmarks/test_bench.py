"""A tiny run: its report is complete, and each contender answered each listing once. Times are not checked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from registry.versions import ModelVersionInfo
from schemas.settings import Settings
from tasador.bench.rig import bench_workspace
from tasador.bench.targets import TARGETS
from tasador.cli.commands.bench import EXAMPLE, bench
from tests.models import SmallModel
from tests.tasador.command import runner_of
from transport.connection import connect

LISTINGS = 2000
COMMAND = runner_of(bench)


@pytest.fixture
def _small_reference(monkeypatch: pytest.MonkeyPatch, small_model: SmallModel) -> None:
    def stand_in(settings: Settings, _: object) -> ModelVersionInfo:
        """The small model, linked into the rig's home, because consumers load models only from there."""
        (settings.home / "artifacts").symlink_to(small_model.settings.home / "artifacts")
        return small_model.info

    monkeypatch.setattr("tasador.bench.model.train_reference", stand_in)


@pytest.mark.usefixtures("_small_reference")
@pytest.mark.rounds
def test_a_run_reports_all_contenders_and_removes_its_keys_and_processes(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path / "home"))
    redis_client.set(f"{prefix}:listings", "another client's")
    before = psutil.Process().children(recursive=True)
    output = tmp_path / "reports" / "bench.json"
    size = f"--listings {LISTINGS} --rounds 1 --consumers 2".split()
    arguments = (*size, "--redis-url", redis_url, "--output", str(output))
    result = COMMAND.run(*arguments, "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == (0 if all(ratio["is_enough"] for ratio in report["throughput"]["ratios"]) else 1)
    assert json.loads(output.read_text()) == report
    _check_shape(report["throughput"])
    assert {"python", "xgboost", "redis"} <= set(report["machine"]["versions"])
    assert psutil.Process().children(recursive=True) == before
    assert not list(redis_client.scan_iter("{bench-*", count=1000))
    assert redis_client.get(f"{prefix}:listings") == b"another client's"


def _check_shape(report: Any) -> None:
    drained = {drain["contender"]: drain["listings"] for drain in report["drains"]}
    assert drained == {"tasador": LISTINGS, "bare": LISTINGS, "faststream": LISTINGS // 50, "tasador-2": LISTINGS}
    assert [standing["name"] for standing in report["standings"]] == ["tasador", "bare", "faststream", "tasador-2"]
    for standing in report["standings"]:
        peaks = [process["peak_bytes"] for process in (*standing["processes"], standing["redis"])]
        assert min(standing["events_per_s"]["median"], *peaks, standing["redis"]["used_bytes"]) > 0
    assert [len(standing["processes"]) for standing in report["standings"]] == [1, 1, 1, 2]
    assert {ratio["against"]: ratio["target"] for ratio in report["ratios"]} == {
        name: TARGETS[name] for name in ("bare", "faststream")
    }


def test_the_private_redis_keeps_nothing_on_disk_and_stops_with_the_benchmark() -> None:
    with bench_workspace() as (url, home), connect(url) as client:
        assert client.config_get("appendonly") == {"appendonly": "no"}
        assert client.config_get("save") == {"save": ""}
    assert not home.exists()
    with connect(url) as client, pytest.raises(redis.exceptions.ConnectionError):
        client.ping()


def test_the_example_is_a_command() -> None:
    assert EXAMPLE.startswith("tasador bench")
    assert "--quick" in COMMAND.text("--help")
