"""Conditions of a comparison begin and end with it."""

from __future__ import annotations

import psutil
import pytest
import redis

from schemas.errors import BenchmarkError
from tasador.bench.conditions import append_only_file, half_busy_cores
from tasador.bench.rig import bench_workspace
from transport.connection import connect


def test_the_server_writes_an_append_only_file_for_the_time_of_the_block() -> None:
    with bench_workspace() as (url, home), connect(url) as client:
        with append_only_file(client):
            assert client.info("persistence")["aof_enabled"] == 1
            assert client.config_get("appendfsync") == {"appendfsync": "everysec"}
            assert list(home.rglob("*.aof*"))
        assert client.info("persistence")["aof_enabled"] == 0


def test_a_server_that_allows_no_settings_is_named(redis_client: redis.Redis, redis_url: str, prefix: str) -> None:
    name, address = f"user-{prefix}", redis_url.removeprefix("redis://").rpartition("@")[2]
    redis_client.acl_setuser(name, enabled=True, passwords=["+secret"], commands=["+ping", "+info"], keys=["*"])
    try:
        with connect(f"redis://{name}:secret@{address}") as client, pytest.raises(BenchmarkError, match="cannot be"):
            append_only_file(client).__enter__()
    finally:
        redis_client.acl_deluser(name)


def test_half_of_every_core_is_used_by_others_and_no_program_is_left() -> None:
    before = psutil.Process().children()
    with half_busy_cores():
        others = [child for child in psutil.Process().children() if child not in before]
        assert len(others) == psutil.cpu_count()
    assert psutil.Process().children() == before
