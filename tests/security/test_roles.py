"""Each role does its part of the main job, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from redis.exceptions import NoPermissionError, ResponseError

from schemas.streams import DATA_FIELD, SCORERS, TRAINERS, Streams
from tests.security.main_job import do_main_job
from tests.security.roles import ROLES, Users, render
from transport.connection import connect

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]

Command = tuple[str | bytes | int, ...]


def test_the_main_job_is_done_by_users_with_the_rights_of_their_roles(
    users: Users, streams: Streams, tmp_path: Path
) -> None:
    do_main_job(users, streams, tmp_path)
    assert users.denied() == []


def _forbidden(streams: Streams) -> dict[str, list[Command]]:
    add = ("*", DATA_FIELD, b"{}")
    write_answers: list[Command] = [("XADD", key, *add) for key in streams.answers]
    take_model: list[Command] = [("HSET", streams.model, "uri", "file:///evil"), ("XADD", streams.model_events, *add)]
    read_listings: list[Command] = [("XRANGE", streams.listings, "-", "+"), ("XREAD", "STREAMS", streams.listings, 0)]
    order: list[Command] = [("XADD", streams.commands, *add)]
    publish: list[Command] = [("XADD", streams.listings, *add)]
    group: list[Command] = [
        ("XGROUP", "DESTROY", streams.listings, SCORERS),
        ("XGROUP", "SETID", streams.listings, SCORERS, 0),
    ]
    delete: list[Command] = [("DEL", streams.listings), ("XDEL", streams.predictions, "1-0"), ("DEL", streams.model)]
    others = Streams("somebody-else")
    everyone: list[Command] = [
        *delete,
        *group,
        ("FLUSHALL",),
        ("CONFIG", "SET", "appendonly", "no"),
        ("CONFIG", "GET", "*"),
        ("ACL", "LIST"),
        ("KEYS", "*"),
        ("BGREWRITEAOF",),
        ("SHUTDOWN", "NOSAVE"),
        ("CLIENT", "KILL", "TYPE", "normal"),
        ("SCRIPT", "FLUSH"),
        ("MONITOR",),
        ("XADD", others.listings, *add),
        ("XRANGE", others.predictions, "-", "+"),
        ("GET", "any"),
    ]
    return {
        "client": [
            *everyone,
            *write_answers,
            *take_model,
            *order,
            *read_listings,
            ("XTRIM", streams.listings, "MAXLEN", 0),
        ],
        "reader": [*everyone, *write_answers, *take_model, *order, *publish, *read_listings],
        "consumer": [
            *everyone,
            *order,
            ("HSET", streams.model, "uri", "file:///evil"),
            ("XREADGROUP", "GROUP", TRAINERS, "x", "STREAMS", streams.commands, ">"),
            ("XADD", streams.resolutions, *add),
            ("XADD", streams.outcomes, *add),
        ],
        "trainer": [*everyone[1:], *write_answers, *publish, *read_listings, ("XRANGE", streams.predictions, "-", "+")],
        "monitor": [*(each for each in everyone if each not in group[1:]), *write_answers, *take_model, *publish],
        "operator": [*everyone, *take_model, ("XADD", streams.predictions, *add), ("XADD", streams.outcomes, *add)],
    }


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_nothing_else(users: Users, redis_client: redis.Redis, streams: Streams, role: str) -> None:
    redis_client.xgroup_create(streams.listings, SCORERS, "0", mkstream=True)
    redis_client.xgroup_create(streams.commands, TRAINERS, "0", mkstream=True)
    if _is_flat(redis_client):
        pytest.skip("needs Redis 7, where a role may use some commands on some keys: apt-get install redis-server")
    with connect(users.url(role)) as client:
        assert client.ping()
        for command in _forbidden(streams)[role]:
            assert _is_denied(client, command), f"{role} may {command}"


def test_a_script_gives_nobody_more_rights(users: Users, redis_client: redis.Redis, streams: Streams) -> None:
    write = "return redis.call('HSET', KEYS[1], 'low_water', '9-0')"
    with (
        connect(users.url("client")) as client,
        pytest.raises(ResponseError, match=r"ACL failure|permission|can't run this command"),
    ):
        client.eval(write, 1, streams.progress)
    assert not redis_client.exists(streams.progress)


def test_a_role_without_a_password_gets_no_user() -> None:
    lines = render({"reader": "secret"}, "housing obesity")
    assert [line.split()[:3] for line in lines] == [["user", "default", "off"], ["user", "reader", "on"]]
    assert "secret" not in "".join(lines)
    assert "~housing:predictions" in lines[1]
    assert "~obesity:predictions" in lines[1]


def _is_denied(client: redis.Redis, command: Command) -> bool:
    try:
        client.execute_command(*command)  # type: ignore[no-untyped-call]
    except NoPermissionError:
        return True
    except ResponseError as error:
        # it got as far as being carried out
        pytest.fail(f"{command}: {error}")
    return False


def _is_flat(client: redis.Redis) -> bool:
    return str(client.info("server")["redis_version"]).startswith("6.")
