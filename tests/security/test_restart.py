"""A killed server restores everything with the users of the ACL file too."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from tests.own_redis import OwnRedis, StartOwnRedis
from tests.security.roles import render
from transport.connection import connect


@pytest.fixture
def server(own_redis: StartOwnRedis, redis_client: redis.Redis, tmp_path: Path) -> OwnRedis:
    """A server with an append-only file and the users of the ACL file; its URL has the consumer's user."""
    # Redis 6.2 needs another form of the users; the session's server has the same version
    level = "6.2" if str(redis_client.info("server")["redis_version"]).startswith("6.") else "7.0"
    users = tmp_path / "users.acl"
    users.write_text("\n".join(render({"consumer": "secret"}, "housing", level)) + "\n", encoding="utf-8")
    options = ("--appendonly", "yes", "--aclfile", "{folder}/users.acl")
    return own_redis(tmp_path, *options, url="redis://consumer:secret@127.0.0.1:{port}/0")


def test_script_writes_survive_a_kill(server: OwnRedis) -> None:
    # Redis loads the file with the rights of the user `default`; without them it drops every transaction
    script = "for i = 1, 2 do redis.call('XADD', KEYS[1], '*', 'data', i) end"
    url = server.url
    with connect(url) as client:
        client.eval(script, 1, "housing:predictions")
    server.kill()
    with pytest.raises(redis.exceptions.ConnectionError), connect(url) as client:
        client.ping()
    server.start()
    with connect(server.url) as client:
        assert client.xlen("housing:predictions") == 2


def test_access_requires_a_user(server: OwnRedis) -> None:
    with connect(server.url.replace("consumer:secret@", "")) as stranger:
        with pytest.raises(redis.exceptions.AuthenticationError):
            stranger.ping()
        for password in ("", "nopass"):
            with pytest.raises(redis.exceptions.AuthenticationError):
                stranger.execute_command("AUTH", "default", password)
