"""A tiny run: its report has the right shape and everybody answered every listing once. No times are looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from benchmarks.targets import TARGETS
from registry.versions import ModelVersionInfo
from schemas.settings import Settings
from tasador.cli.commands.bench import EXAMPLE, _redis, bench
from tests.models import SmallModel
from tests.tasador.command import runner_of
from transport.connection import connect

LISTINGS = 2000
COMMAND = runner_of(bench)


@pytest.fixture
def _small_reference(monkeypatch: pytest.MonkeyPatch, small_model: SmallModel) -> None:
    def stand_in(settings: Settings, _: object) -> ModelVersionInfo:
        """The small model, as registered in the rig's own home: consumers take none from elsewhere."""
        (settings.home / "artifacts").symlink_to(small_model.settings.home / "artifacts")
        return small_model.info

    monkeypatch.setattr("benchmarks.model.train_reference", stand_in)


@pytest.mark.timeout(240)
@pytest.mark.usefixtures("_small_reference")
def test_a_run_reports_what_everybody_did_and_leaves_nothing_behind(
    tmp_path: Path, redis_url: str, redis_client: redis.Redis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path / "home"))
    redis_client.set(f"{prefix}:listings", "somebody's")
    before = psutil.Process().children(recursive=True)
    output = tmp_path / "reports" / "bench.json"
    size = f"--listings {LISTINGS} --rounds 1 --consumers 2".split()
    asked = (*size, "--redis-url", redis_url, "--output", str(output))
    result = COMMAND.run(*asked, "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == (0 if all(ratio["is_enough"] for ratio in report["throughput"]["ratios"]) else 1)
    assert json.loads(output.read_text()) == report
    _check_shape(report["throughput"])
    assert {"python", "xgboost", "redis"} <= set(report["machine"]["versions"])
    assert psutil.Process().children(recursive=True) == before
    assert not list(redis_client.scan_iter("{bench-*", count=1000))
    assert redis_client.get(f"{prefix}:listings") == b"somebody's"


def _check_shape(report: Any) -> None:
    # a drain in which a listing got no answer, or two, has no figures
    drained = {drain["contender"]: drain["listings"] for drain in report["drains"]}
    assert drained == {"tasador": LISTINGS, "bare": LISTINGS, "faststream": LISTINGS // 50, "tasador-2": LISTINGS}
    assert [one["name"] for one in report["standings"]] == ["tasador", "bare", "faststream", "tasador-2"]
    for one in report["standings"]:
        peaks = [process["peak_bytes"] for process in (*one["processes"], one["redis"])]
        assert min(one["events_per_s"]["median"], *peaks, one["redis"]["used_bytes"]) > 0
    assert [len(one["processes"]) for one in report["standings"]] == [1, 1, 1, 2]
    assert {ratio["against"]: ratio["target"] for ratio in report["ratios"]} == {
        name: TARGETS[name] for name in ("bare", "faststream")
    }


def test_its_own_redis_keeps_nothing_on_disk_and_ends_with_it(tmp_path: Path) -> None:
    with _redis(None, tmp_path) as url, connect(url) as client:
        assert client.config_get("appendonly") == {"appendonly": "no"}
        assert client.config_get("save") == {"save": ""}
    with connect(url) as client, pytest.raises(redis.exceptions.ConnectionError):
        client.ping()


def test_the_example_is_a_command() -> None:
    assert EXAMPLE.startswith("tasador bench")
    assert "--quick" in COMMAND.text("--help")
