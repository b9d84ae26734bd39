"""Whether the user of Redis may do what a gateway does, tried at its start."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import redis
from redis.exceptions import NoPermissionError, ResponseError

from schemas.errors import ServerError
from schemas.streams import Streams
from transport.backlog import read_backlog


def check_rights(client: redis.Redis, streams: Streams) -> None:
    """Try the commands of a gateway without leaving anything behind.

    Raises:
        ServerError: the user lacks a right; the message names it.
        redis.exceptions.RedisError: as the server answered otherwise.
    """
    reply_key = streams.replies(f"probe-{uuid.uuid4().hex}")
    limit = f"{streams.gateway_limits}:probe"
    tries: dict[str, Callable[[], object]] = {
        f"make {reply_key}": lambda: client.xadd(reply_key, {"probe": ""}),
        f"keep {reply_key}": lambda: client.pexpire(reply_key, 1000),
        f"read {reply_key}": lambda: client.xread({reply_key: "0"}),
        f"trim {reply_key}": lambda: client.xtrim(reply_key, minid="0", approximate=False),
        f"delete {reply_key}": lambda: client.delete(reply_key),
        "read the backlog": lambda: read_backlog(client, streams),
        f"read {streams.predictions}": lambda: client.xrange(streams.predictions, count=1),
        f"read {streams.dedup_current}": lambda: client.hget(streams.dedup_current, "probe"),
        f"read {streams.gateway_keys}": lambda: client.hgetall(streams.gateway_keys),
        f"count requests in {limit}": lambda: client.eval("return redis.call('PTTL', KEYS[1])", 1, limit),
        f"write {streams.gateways}": lambda: client.hdel(streams.gateways, "probe"),
        **{f"write {key}": _adding(client, key) for key in (streams.listings, streams.outcomes, streams.commands)},
    }
    for what, attempt in tries.items():
        try:
            attempt()
        except NoPermissionError as error:
            raise _forbidden(what) from error
        except ResponseError as error:
            if "permission" in str(error):  # inside a script
                raise _forbidden(what) from error
            raise


def _adding(client: redis.Redis, key: str) -> Callable[[], object]:
    """An XADD that is refused for its id, after Redis has checked the right to it."""

    def add() -> None:
        try:
            client.xadd(key, {"probe": ""}, id="0-0", nomkstream=True)
        except NoPermissionError:
            raise
        except ResponseError as error:
            if "0-0" not in str(error):
                raise

    return add


def _forbidden(what: str) -> ServerError:
    return ServerError(f"this user of Redis may not {what}: give it the rights of `gateway` in deploy/redis/users.acl")
