"""`tasador check`: a line for each thing, with the way out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import redis

from registry.versions import DIGEST_TAG
from tasador.cli.commands.check import check
from tests.conftest import PrivateRedis
from tests.models import SmallModel, own_model, small_model
from tests.tasador.command import command_of

__all__ = ["own_model", "small_model"]

COMMAND = command_of(check)


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def _found(*arguments: str, level: str = "error") -> list[tuple[str, str]]:
    """Area and text of the findings of a level; the exit code says whether there are errors."""
    result = COMMAND.run(*arguments, "--json")
    findings: list[dict[str, Any]] = json.loads(result.stdout)
    assert result.exit_code == any(each["level"] == "error" for each in findings)
    assert all(each["way_out"] for each in findings if each["level"] != "ok")
    return [(each["area"], each["what"]) for each in findings if each["level"] == level]


def _point(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TASADOR_REDIS_URL", url)


def test_a_whole_system_has_no_finding(
    monkeypatch: pytest.MonkeyPatch, private_redis: PrivateRedis, small_model: SmallModel
) -> None:
    server = private_redis("--appendonly", "yes")
    _point(monkeypatch, server.url)
    monkeypatch.setenv("TASADOR_HOME", str(small_model.settings.home))
    monkeypatch.setenv("TASADOR_SWAP__MAX_US_PER_ROW", "10000")
    assert _found() == []
    assert _found(level="warning") == []
    told = COMMAND.text()
    for part in ("domain housing: regression, 13 features", "noeviction", "append-only file is on", "loads and passes"):
        assert part in told
    with redis.Redis.from_url(server.url) as client:
        assert list(client.scan_iter("*")) == [], "nothing is left behind"


def test_a_wrong_setting_is_told_with_its_name(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    _point(monkeypatch, redis_url)
    Path("params.yaml").write_text("batch: {max_record: 5}\n")
    assert _found() == [("configuration", "params.yaml: batch.max_record: there is no such setting")]


def test_no_redis_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    ((area, what),) = _found()
    assert area == "configuration"
    assert "no Redis: set TASADOR_REDIS_URL" in what


def test_a_domain_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    _point(monkeypatch, redis_url)
    Path("params.yaml").write_text("domains: {housing: {}, wine: {path: 'nowhere.wine:Wine'}}\n")
    ((area, what),) = _found("--no-registry")
    assert area == "configuration"
    assert "cannot load 'nowhere.wine:Wine'" in what


def test_a_prefix_of_two_domains_is_told(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    _point(monkeypatch, redis_url)
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    Path("params.yaml").write_text("domains: {housing: {}, obesity: {}}\n")
    assert _found("--no-registry") == [("configuration", f"prefix {prefix!r} is that of every domain, and there are 2")]


def test_a_server_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _point(monkeypatch, "redis://:secret@127.0.0.1:1/0")
    ((area, what),) = _found("--no-registry")
    assert area == "server"
    assert "redis://:***@127.0.0.1:1/0 does not answer" in what


def test_eviction_and_a_missing_log_are_warnings(monkeypatch: pytest.MonkeyPatch, private_redis: PrivateRedis) -> None:
    server = private_redis("--maxmemory-policy", "allkeys-lru", "--appendonly", "no")
    with redis.Redis.from_url(server.url) as client:
        client.set("much", "x" * 5_000_000)
    # the buffers of that connection are gone
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 1.1))
    _point(monkeypatch, server.url)
    told = [what for area, what in _found("--no-registry", level="warning") if area == "server"]
    assert [what.partition(":")[0] for what in told if "%" not in what] == [
        "maxmemory-policy is allkeys-lru",
        "the append-only file is off",
    ]
    assert any("of maxmemory are used" in what for what in told)


def test_a_server_that_is_too_old_is_told(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    _point(monkeypatch, redis_url)
    monkeypatch.setattr("transport.server.OLDEST", (99, 0))
    assert any("is too old" in what for area, what in _found("--no-registry"))


def test_a_replica_is_told(monkeypatch: pytest.MonkeyPatch, private_redis: PrivateRedis) -> None:
    server = private_redis()
    with redis.Redis.from_url(server.url) as client:
        client.replicaof("127.0.0.1", "1")
    _point(monkeypatch, server.url)
    assert ("server", "it is a replica, which cannot be written") in _found("--no-registry")


def test_a_user_without_rights_is_told_which(monkeypatch: pytest.MonkeyPatch, private_redis: PrivateRedis) -> None:
    server = private_redis()
    with redis.Redis.from_url(server.url) as client:
        client.acl_setuser(
            "scorer", enabled=True, passwords=["+pw"], keys=["*"], channels=["*"], commands=["+@all", "-xack"]
        )
        client.acl_setuser("stranger", enabled=True, passwords=["+pw"], keys=["other:*"], commands=["+ping"])
    address = server.url.removeprefix("redis://")
    _point(monkeypatch, f"redis://scorer:pw@{address}")
    ((_, what),) = _found("--no-registry")
    assert "as a consumer: the commit script cannot do its work for this user" in what
    _point(monkeypatch, f"redis://stranger:pw@{address}")
    assert any("may not run INFO" in what for _, what in _found("--no-registry", level="warning"))
    _point(monkeypatch, f"redis://stranger:wrong@{address}")
    assert any("refused the user or password" in what for _, what in _found("--no-registry"))


def test_a_publisher_without_rights_is_told(
    monkeypatch: pytest.MonkeyPatch, redis_client: redis.Redis, redis_url: str, prefix: str
) -> None:
    if int(redis_client.info("server")["redis_version"].split(".")[0]) < 7:
        pytest.skip("needs Redis 7 for ACL DRYRUN: apt-get install redis-server")
    keys = [f"{prefix}:{name}" for name in ("probe:*", "listings", "predictions", "model")]
    redis_client.acl_setuser(prefix, enabled=True, passwords=["+pw"], keys=keys, commands=["+@all"])
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    _point(monkeypatch, f"redis://{prefix}:pw@{redis_url.removeprefix('redis://')}")
    try:
        told = [what for _, what in _found("--no-registry")]
    finally:
        redis_client.acl_deluser(prefix)
    assert f"a publisher, worker or monitor may not run XADD on {prefix}:commands" in told
    assert not any("listings" in what for what in told)


def test_a_registry_without_a_champion_or_an_answer_is_told(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    _point(monkeypatch, redis_url)
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path / "home"))
    assert [what for area, what in _found(level="warning") if area == "registry"] == [
        f"sqlite:///{tmp_path}/home/mlflow.db: there is none yet"
    ]
    assert not (tmp_path / "home").exists(), "nothing is created"
    monkeypatch.setenv("TASADOR_MLFLOW_URI", "http://127.0.0.1:1")
    assert _found() == [("registry", "MLflow at http://127.0.0.1:1 does not answer (ConnectionError)")]


def test_a_champion_that_cannot_be_used_is_told(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str, own_model: SmallModel
) -> None:
    _point(monkeypatch, redis_url)
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    monkeypatch.setenv("TASADOR_HOME", str(own_model.settings.home))
    own_model.registry.set_tags("1", {DIGEST_TAG: "0" * 64})
    ((area, what),) = _found()
    assert area == "registry"
    assert "the champion, version 1, cannot be used here" in what
