"""No log, metric, event, error or command line shows a secret."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import psutil
import pytest
import redis

from schemas.streams import DATA_FIELD, Streams
from service.endpoints import ENDPOINTS
from tasador.machine.home import HomeLock
from tasador.machine.processes import ManagedProcess
from tasador.machine.running_system import RUN_FILE, RunningSystem, write_running_system
from tests.security.roles import Users
from tests.waiting import wait_until

pytestmark = [pytest.mark.long]

REDIS = """planted-redis "'%#@/?&[\\ é redis-tail"""
MLFLOW = "planted-mlflow-word"
AWS = "planted-aws-word"
KEY = "planted-key-word"
SECRETS = ("planted-redis", "redis-tail", MLFLOW, AWS, KEY)
QUOTED = quote(REDIS, safe="")
UNREACHABLE = f"http://user:{MLFLOW}@127.0.0.1:9"


def _environment(url: str, streams: Streams, home: Path, log_format: str) -> dict[str, str]:
    return os.environ | {
        "TASADOR_HOME": str(home),
        "TASADOR_REDIS_URL": url,
        "TASADOR_MLFLOW_URI": UNREACHABLE,
        "TASADOR_PREFIX": streams.prefix,
        "TASADOR_LOG_FORMAT": log_format,
        "TASADOR_LOG_LEVEL": "DEBUG",
        "AWS_SECRET_ACCESS_KEY": AWS,
    }


def _find_secrets(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def _read(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - the process's own http address
            return str(response.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def _keys_and_values(client: redis.Redis, prefix: str) -> str:
    text = ""
    for key in client.scan_iter(f"{prefix}:*"):
        kind = client.type(key)
        read: dict[bytes, Callable[[bytes], object]] = {b"stream": client.xrange, b"hash": client.hgetall}
        text += f"{key!r} {read[kind](key) if kind in read else ''}\n"
    return text


def test_processes_show_no_secret_while_mlflow_is_away(
    redis_client: redis.Redis, redis_url: str, streams: Streams, tmp_path: Path
) -> None:
    name = f"worker-{streams.prefix}"
    redis_client.execute_command("ACL SETUSER", name, "on", f">{REDIS}", "~*", "&*", "+@all")  # type: ignore[no-untyped-call]
    url = f"redis://{name}:{QUOTED}@{redis_url.partition('://')[2]}"
    redis_client.xadd(streams.listings, {DATA_FIELD: b"{not json"})
    redis_client.hset(
        streams.model, mapping={"activation": "1-0", "version": "1", "digest": "0" * 64, "uri": "mlflow-artifacts:/1/m"}
    )
    # tests/service/test_logs.py shows that both formats mask alike
    processes = [
        ManagedProcess(
            *("housing", kind, f"{kind}-1"),
            logs=tmp_path / "logs",
            host="127.0.0.1",
            environment=_environment(url, streams, tmp_path, log_format),
        )
        for kind, log_format in (("consumer", "text"), ("trainer", "json"), ("monitor", "text"))
    ]
    try:
        for process in processes:
            process.start()
        for process in processes:
            log = process.log
            wait_until(lambda log=log: "MLflow at" in log.read_text(), 90, f"{process.label} misses MLflow")  # type: ignore[misc]
            responses = [_read(f"{process.url}{path}") for path in ENDPOINTS]
            assert _find_secrets("".join(responses)) == []
            assert process._process is not None
            tree = psutil.Process(process._process.pid)
            assert _find_secrets(" ".join(" ".join(each.cmdline()) for each in (tree, *tree.children()))) == []
        assert _find_secrets(_keys_and_values(redis_client, streams.prefix)) == []
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.kill()
        redis_client.acl_deluser(name)
    logs = [process.log.read_text(encoding="utf-8") for process in processes]
    assert [_find_secrets(log) for log in logs] == [[], [], []]


@pytest.mark.parametrize("command", [["consumer", "--port", "0"], ["status"]])
@pytest.mark.parametrize("address", ["wrong password", "no server", "not a url", "not quoted", "no such key"])
def test_failed_connection_shows_no_secret(
    users: Users, streams: Streams, tmp_path: Path, command: list[str], address: str
) -> None:
    host = users.url("client").rpartition("@")[2]
    url = {
        "wrong password": f"redis://{users.name('client')}:{QUOTED}@{host}",
        "no server": f"redis://client:{QUOTED}@127.0.0.1:1/0",
        "not a url": f"http://client:{QUOTED}@127.0.0.1/0?ssl_password={KEY}",
        "not quoted": f"redis://client:{REDIS}@127.0.0.1:1/0",
        "no such key": f"rediss://client:{QUOTED}@127.0.0.1:1/0?ssl_keyfile=/nowhere&ssl_password={KEY}",
    }[address]
    done = subprocess.run(
        [sys.executable, "-m", "tasador", *command],
        env=_environment(url, streams, tmp_path, "text"),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode in {1, 2, 78}, done.stderr
    assert "Traceback" not in done.stderr
    assert _find_secrets(done.stdout + done.stderr) == []


def test_only_the_owner_can_read_the_run_file(tmp_path: Path) -> None:
    with HomeLock(tmp_path):
        write_running_system(
            tmp_path, RunningSystem(pid=os.getpid(), redis_url=f"redis://u:{REDIS}@h:1/0", mlflow_uri=UNREACHABLE)
        )
    assert (tmp_path / RUN_FILE).stat().st_mode & 0o777 == 0o600
