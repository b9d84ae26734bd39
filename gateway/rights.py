"""Whether the user of Redis may do what a gateway does, tried at its start."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import redis

from schemas.streams import Streams
from service.rights import adding, try_rights
from transport.backlog import read_backlog


def check_rights(client: redis.Redis, streams: Streams) -> None:
    """Try the commands of a gateway without leaving anything behind; raises as `service.rights.try_rights`."""
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
        **{f"write {key}": adding(client, key) for key in (streams.listings, streams.outcomes, streams.commands)},
    }
    try_rights("gateway", tries)
