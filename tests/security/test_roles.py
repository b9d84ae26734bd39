"""Each role can do its steps of the main job, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from redis.exceptions import NoPermissionError, ResponseError

from schemas.streams import DATA_FIELD, SCORERS, TRAINERS, Streams
from tests.security.main_job import run_main_job
from tests.security.roles import ROLES, Users, render
from transport.connection import connect

pytestmark = [pytest.mark.long]

RedisCommand = tuple[str | bytes | int, ...]


def test_roles_have_the_rights_for_the_main_job(users: Users, streams: Streams, tmp_path: Path) -> None:
    run_main_job(users, streams, tmp_path)
    assert users.denied() == []


def _forbidden(streams: Streams) -> dict[str, list[RedisCommand]]:
    add = ("*", DATA_FIELD, b"{}")
    write_outcomes: list[RedisCommand] = [("XADD", key, *add) for key in streams.answers]
    set_model: list[RedisCommand] = [
        ("HSET", streams.model, "uri", "file:///evil"),
        ("XADD", streams.model_events, *add),
    ]
    read_listings: list[RedisCommand] = [
        ("XRANGE", streams.listings, "-", "+"),
        ("XREAD", "STREAMS", streams.listings, 0),
    ]
    send_command: list[RedisCommand] = [("XADD", streams.commands, *add)]
    publish: list[RedisCommand] = [("XADD", streams.listings, *add)]
    group: list[RedisCommand] = [
        ("XGROUP", "DESTROY", streams.listings, SCORERS),
        ("XGROUP", "SETID", streams.listings, SCORERS, 0),
    ]
    delete: list[RedisCommand] = [
        ("DEL", streams.listings),
        ("XDEL", streams.predictions, "1-0"),
        ("DEL", streams.model),
    ]
    # only a training worker records what was done, and pauses the loop
    rewrite_history: list[RedisCommand] = [
        ("XADD", streams.history, *add),
        ("XDEL", streams.history, "1-0"),
        ("HSET", streams.loop, "actor", "x"),
    ]
    store_features: list[RedisCommand] = [
        ("HSET", streams.features("p"), "RM", 6),
        ("UNLINK", streams.features("p")),
    ]
    other = Streams("other-prefix")
    every_role: list[RedisCommand] = [
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
        ("SCRIPT", "LOAD", "return 1"),
        ("MONITOR",),
        ("XADD", other.listings, *add),
        ("XRANGE", other.predictions, "-", "+"),
        ("GET", "any"),
    ]
    return {
        "client": [
            *every_role,
            *write_outcomes,
            *set_model,
            *send_command,
            *read_listings,
            *store_features,
            ("XTRIM", streams.listings, "MAXLEN", 0),
        ],
        "gateway": [
            *(each for each in every_role if each != ("SCRIPT", "LOAD", "return 1")),
            *write_outcomes,
            *set_model,
            *rewrite_history,
            ("XTRIM", streams.listings, "MAXLEN", 0),
            ("HSET", streams.gateway_keys, "x", "{}"),
            ("HDEL", streams.gateway_keys, "x"),
        ],
        "console": [
            *every_role,
            *(("XADD", key, *add) for key in streams.written_answers),
            *set_model,
            *rewrite_history,
            *store_features,
            ("XTRIM", streams.listings, "MAXLEN", 0),
            ("XADD", streams.outcomes, *add),
            ("HSET", streams.gateway_keys, "x", "{}"),
            ("HSETNX", streams.gateway_keys, "x", "{}"),
            ("HDEL", streams.gateway_keys, "x"),
            ("HSET", streams.trainers, "x", "{}"),
            ("XREADGROUP", "GROUP", TRAINERS, "x", "STREAMS", streams.commands, ">"),
            ("LPOP", streams.what_if),
            ("RPUSH", streams.what_if_answer("x"), "{}"),
            ("DEL", streams.what_if),
        ],
        "reader": [
            ("XREAD", "STREAMS", streams.replies("asker"), 0),
            *every_role,
            *write_outcomes,
            *set_model,
            *send_command,
            *publish,
            *read_listings,
        ],
        "consumer": [
            *every_role,
            ("XRANGE", streams.explain, "-", "+"),
            ("HSET", streams.rollout, "version", "9"),
            ("DEL", streams.rollout),
            ("XADD", streams.explanations, *add),
            ("XRANGE", streams.replies("asker"), "-", "+"),
            ("DEL", streams.replies("asker")),
            *store_features,
            *send_command,
            ("HSET", streams.model, "uri", "file:///evil"),
            ("XREADGROUP", "GROUP", TRAINERS, "x", "STREAMS", streams.commands, ">"),
            ("XADD", streams.resolutions, *add),
            ("XADD", streams.outcomes, *add),
            ("HSET", streams.trainers, "x", "{}"),
            *rewrite_history,
        ],
        "trainer": [
            *every_role[1:],
            *store_features,
            *write_outcomes,
            *publish,
            *read_listings,
            ("XRANGE", streams.predictions, "-", "+"),
        ],
        "monitor": [
            *(each for each in every_role if each not in group[1:]),
            *write_outcomes,
            *set_model,
            *publish,
            *store_features,
            *rewrite_history,
        ],
        "explainer": [
            *every_role,
            *write_outcomes,
            *set_model,
            *rewrite_history,
            *publish,
            *read_listings,
            *send_command,
            ("XRANGE", streams.predictions, "-", "+"),
            ("XADD", streams.explain, *add),
            ("XRANGE", streams.explanations, "-", "+"),
            ("XDEL", streams.explanations, "1-0"),
            ("HGETALL", streams.model),
            ("HSET", streams.consumers, "x", "{}"),
            ("RPUSH", streams.what_if, "{}"),
            ("BLPOP", streams.what_if_answer("x"), 1),
        ],
        "operator": [
            *every_role,
            *set_model,
            *rewrite_history,
            ("XADD", streams.predictions, *add),
            ("XADD", streams.outcomes, *add),
        ],
    }


@pytest.mark.parametrize("role", ROLES)
def test_role_can_do_nothing_else(users: Users, redis_client: redis.Redis, streams: Streams, role: str) -> None:
    redis_client.xgroup_create(streams.listings, SCORERS, "0", mkstream=True)
    redis_client.xgroup_create(streams.commands, TRAINERS, "0", mkstream=True)
    if _lacks_selectors(redis_client):
        pytest.skip("needs Redis 7, which limits a role to some commands on some keys: apt-get install redis-server")
    with connect(users.url(role)) as client:
        assert client.ping()
        for command in _forbidden(streams)[role]:
            assert _is_denied(client, command), f"{role} may {command}"


def test_script_does_not_extend_rights(users: Users, redis_client: redis.Redis, streams: Streams) -> None:
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


def _is_denied(client: redis.Redis, command: RedisCommand) -> bool:
    try:
        client.execute_command(*command)  # type: ignore[no-untyped-call]
    except NoPermissionError:
        return True
    except ResponseError as error:
        # Redis carried it out
        pytest.fail(f"{command}: {error}")
    return False


def _lacks_selectors(client: redis.Redis) -> bool:
    return str(client.info("server")["redis_version"]).startswith("6.")
