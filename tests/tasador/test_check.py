"""`tasador check`: a finding for each check, with what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import redis

from registry.versions import DIGEST_TAG
from schemas.errors import ConfigurationError
from schemas.streams import Streams
from tasador.cli.commands.check import check
from tests.conftest import StartRedis
from tests.models import SmallModel, own_model, small_model
from tests.tasador.command import runner_of

__all__ = ["own_model", "small_model"]

COMMAND = runner_of(check)


@pytest.fixture(autouse=True)
def _in_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


def _findings(*arguments: str, level: str = "error") -> list[tuple[str, str]]:
    """Area and text of the findings of a level."""
    result = COMMAND.run(*arguments, "--json")
    findings: list[dict[str, Any]] = json.loads(result.stdout)
    assert result.exit_code == any(each["level"] == "error" for each in findings)
    assert all(each["way_out"] for each in findings if each["level"] != "ok")
    return [(each["area"], each["what"]) for each in findings if each["level"] == level]


def _set_url(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TASADOR_REDIS_URL", url)


def test_a_working_system_has_no_problem(
    monkeypatch: pytest.MonkeyPatch, private_redis: StartRedis, small_model: SmallModel
) -> None:
    server = private_redis("--appendonly", "yes")
    _set_url(monkeypatch, server.url)
    monkeypatch.setenv("TASADOR_HOME", str(small_model.settings.home))
    monkeypatch.setenv("TASADOR_SWAP__MAX_US_PER_ROW", "10000")
    assert _findings() == []
    assert _findings(level="warning") == []
    output = COMMAND.text()
    for part in ("domain housing: regression, 13 features", "noeviction", "append-only file is on", "loads and passes"):
        assert part in output
    with redis.Redis.from_url(server.url) as client:
        assert list(client.scan_iter("*")) == [], "it leaves no keys"


def test_an_unknown_setting_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    _set_url(monkeypatch, redis_url)
    Path("params.yaml").write_text("batch: {max_record: 5}\n")
    assert _findings() == [("configuration", "params.yaml: batch.max_record: there is no such setting")]


def test_before_the_first_start_everything_but_redis_is_checked_and_nothing_is_wrong() -> None:
    result = COMMAND.run()
    assert result.exit_code == 0, result.output
    output = " ".join(result.stdout.split())
    for part in ("domain housing: regression", "`tasador up` will start", "mlflow.db: does not exist yet"):
        assert part in output
    assert not Path(".tasador").exists(), "it changes nothing"


def test_before_the_first_start_what_is_wrong_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def find_none() -> Path:
        raise ConfigurationError("no redis-server 6.2 or newer")

    monkeypatch.setattr("tasador.preflight.server.find_binary", find_none)
    assert _findings() == [("server", "no redis-server 6.2 or newer")]


def test_a_setting_of_shards_that_redis_contradicts_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, redis_client: redis.Redis, streams: Streams
) -> None:
    _set_url(monkeypatch, redis_url)
    monkeypatch.setenv("TASADOR_PREFIX", streams.prefix)
    redis_client.hset(streams.shards, mapping={"count": 3, "read": 3, "epoch": 1})
    assert ("server", "listings are spread over 3 shards") in _findings(level="ok")
    monkeypatch.setenv("TASADOR_SHARDS", "2")
    redis_client.set(streams.shards_hold, "a")
    warnings = [what for _, what in _findings(level="warning")]
    assert "the settings say 2 shards, and Redis 3, which counts" in warnings
    assert "the number of shards is being changed: publishers wait" in warnings
    left = {key.decode() for key in redis_client.scan_iter(f"{streams.prefix}*")}
    assert left == {streams.shards, streams.shards_hold}, "it leaves no keys, in no shard"


def test_a_domain_that_cannot_be_loaded_is_an_error(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    _set_url(monkeypatch, redis_url)
    Path("params.yaml").write_text("domains: {housing: {}, wine: {path: 'nowhere.wine:Wine'}}\n")
    ((area, what),) = _findings("--no-registry")
    assert area == "configuration"
    assert "cannot load 'nowhere.wine:Wine'" in what


def test_a_prefix_of_two_domains_is_an_error(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str) -> None:
    _set_url(monkeypatch, redis_url)
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    Path("params.yaml").write_text("domains: {housing: {}, obesity: {}}\n")
    assert _findings("--no-registry") == [("configuration", f"2 domains would share the prefix {prefix!r}")]


def test_a_server_that_does_not_answer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    _set_url(monkeypatch, "redis://:secret@127.0.0.1:1/0")
    ((area, what),) = _findings("--no-registry")
    assert area == "server"
    assert "redis://:***@127.0.0.1:1/0 does not answer" in what


def test_eviction_and_a_missing_aof_are_warnings(monkeypatch: pytest.MonkeyPatch, private_redis: StartRedis) -> None:
    server = private_redis("--maxmemory-policy", "allkeys-lru", "--appendonly", "no")
    with redis.Redis.from_url(server.url) as client:
        client.set("much", "x" * 5_000_000)
    # close the first connection, whose buffers count as used memory
    with redis.Redis.from_url(server.url) as client:
        client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 1.1))
    _set_url(monkeypatch, server.url)
    warnings = [what for area, what in _findings("--no-registry", level="warning") if area == "server"]
    assert [what.partition(":")[0] for what in warnings if "%" not in what] == [
        "maxmemory-policy is allkeys-lru",
        "the append-only file is off",
    ]
    assert any("of maxmemory are used" in what for what in warnings)


def test_a_server_that_is_too_old_is_an_error(monkeypatch: pytest.MonkeyPatch, redis_url: str) -> None:
    _set_url(monkeypatch, redis_url)
    monkeypatch.setattr("transport.server.OLDEST", (99, 0))
    assert any("is too old" in what for area, what in _findings("--no-registry"))


def test_a_replica_is_an_error(monkeypatch: pytest.MonkeyPatch, private_redis: StartRedis) -> None:
    server = private_redis()
    with redis.Redis.from_url(server.url) as client:
        client.replicaof("127.0.0.1", "1")
    _set_url(monkeypatch, server.url)
    assert ("server", "the server is a read-only replica") in _findings("--no-registry")


def test_missing_rights_of_a_user_are_named(monkeypatch: pytest.MonkeyPatch, private_redis: StartRedis) -> None:
    server = private_redis()
    with redis.Redis.from_url(server.url) as client:
        client.acl_setuser(
            "scorer", enabled=True, passwords=["+pw"], keys=["*"], channels=["*"], commands=["+@all", "-xack"]
        )
        client.acl_setuser("stranger", enabled=True, passwords=["+pw"], keys=["other:*"], commands=["+ping"])
    address = server.url.removeprefix("redis://")
    _set_url(monkeypatch, f"redis://scorer:pw@{address}")
    ((_, what),) = _findings("--no-registry")
    assert "as a consumer: this user may not run the commit script" in what
    _set_url(monkeypatch, f"redis://stranger:pw@{address}")
    assert any("may not run INFO" in what for _, what in _findings("--no-registry", level="warning"))
    _set_url(monkeypatch, f"redis://stranger:wrong@{address}")
    assert any("refused the user or password" in what for _, what in _findings("--no-registry"))


def test_missing_rights_of_a_publisher_are_named(
    monkeypatch: pytest.MonkeyPatch, redis_client: redis.Redis, redis_url: str, prefix: str
) -> None:
    if int(redis_client.info("server")["redis_version"].split(".")[0]) < 7:
        pytest.skip("needs Redis 7 for ACL DRYRUN: apt-get install redis-server")
    keys = [f"{prefix}:{name}" for name in ("probe:*", "listings", "predictions", "model")]
    redis_client.acl_setuser(prefix, enabled=True, passwords=["+pw"], keys=keys, commands=["+@all"])
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    _set_url(monkeypatch, f"redis://{prefix}:pw@{redis_url.removeprefix('redis://')}")
    try:
        errors = [what for _, what in _findings("--no-registry")]
    finally:
        redis_client.acl_deluser(prefix)
    assert (
        f"this user may not run XADD on {prefix}:commands, which a publisher, consumer, worker or monitor needs"
        in errors
    )
    assert f"this user may not read {prefix}:shards and {prefix}:shards:hold, which every process needs" in errors
    assert not any("listings" in what for what in errors)


def test_a_missing_registry_is_a_warning_and_an_unreachable_one_an_error(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str, tmp_path: Path
) -> None:
    _set_url(monkeypatch, redis_url)
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path / "home"))
    assert [what for area, what in _findings(level="warning") if area == "registry"] == [
        f"sqlite:///{tmp_path}/home/mlflow.db: does not exist yet"
    ]
    assert not (tmp_path / "home").exists(), "it creates nothing"
    monkeypatch.setenv("TASADOR_MLFLOW_URI", "http://127.0.0.1:1")
    assert _findings() == [("registry", "MLflow at http://127.0.0.1:1 does not answer (ConnectionError)")]


def test_a_champion_that_cannot_be_loaded_is_an_error(
    monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str, own_model: SmallModel
) -> None:
    _set_url(monkeypatch, redis_url)
    monkeypatch.setenv("TASADOR_PREFIX", prefix)
    monkeypatch.setenv("TASADOR_HOME", str(own_model.settings.home))
    own_model.registry.set_tags("1", {DIGEST_TAG: "0" * 64})
    ((area, what),) = _findings()
    assert area == "registry"
    assert "the champion, version 1, cannot be loaded" in what
