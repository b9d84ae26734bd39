"""With these users too, a server that was killed comes back with everything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from docker.errors import DockerException  # type: ignore[import-untyped]
from testcontainers.core.container import DockerContainer

from tests.security.roles import render
from tests.session_redis import DEFAULT_IMAGE, OLDEST
from tests.waiting import wait_until
from transport.connection import connect

_PORT = 6379
_AS_CONSUMER = "redis://consumer:secret@"
_IMAGE = os.environ.get("REDIS_IMAGE", DEFAULT_IMAGE)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Any]:
    """A server with an append-only file and the users of the ACL file, in a container."""
    if _IMAGE == OLDEST:
        pytest.skip("the private server of 6.2 has no container")
    tmp_path.chmod(0o755)
    lines = render({"consumer": "secret"}, "housing")
    (tmp_path / "users.acl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = "redis-server --bind 0.0.0.0 --protected-mode no --appendonly yes --aclfile /acl/users.acl"
    container = DockerContainer(_IMAGE).with_exposed_ports(_PORT).with_command(command)
    try:
        container.with_volume_mapping(str(tmp_path), "/acl", "ro").start()
    except (DockerException, OSError) as error:
        pytest.skip(f"no container of {_IMAGE}: {error}")
    yield container
    container.stop()
    container.get_docker_client().client.close()


def _answers(url: str) -> bool:
    with connect(url, timeout_s=1) as client:
        try:
            return bool(client.ping())
        except redis.exceptions.ConnectionError:
            return False


def _url(server: Any) -> str:
    url = f"{_AS_CONSUMER}127.0.0.1:{server.get_exposed_port(_PORT)}/0"
    wait_until(lambda: _answers(url), message="the server answers")
    return url


def test_what_scripts_wrote_outlives_a_kill(server: Any) -> None:
    # Redis loads its file with the rights of the user `default`: had it none, every transaction would be dropped
    script = "for i = 1, 2 do redis.call('XADD', KEYS[1], '*', 'data', i) end"
    with connect(_url(server)) as client:
        client.eval(script, 1, "housing:predictions")
    container = server.get_wrapped_container()
    container.kill()
    container.start()
    with connect(_url(server)) as client:
        assert client.xlen("housing:predictions") == 2


def test_nobody_enters_without_a_user(server: Any) -> None:
    with connect(_url(server).replace("consumer:secret@", "")) as nobody:
        with pytest.raises(redis.exceptions.AuthenticationError):
            nobody.ping()
        for password in ("", "nopass"):
            with pytest.raises(redis.exceptions.AuthenticationError):
                nobody.execute_command("AUTH", "default", password)
