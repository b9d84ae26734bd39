"""Whether the user of Redis may do what a console does, tried at its start."""

from __future__ import annotations

from collections.abc import Callable

import redis

from schemas.streams import Streams
from service.rights import adding, try_rights
from transport.backlog import read_backlog


def check_rights(client: redis.Redis, streams: Streams) -> None:
    """Try the commands of a console without leaving anything behind; raises as `service.rights.try_rights`."""
    letters = (streams.dead_letters, streams.rate_limited)
    added = (streams.commands, streams.listings, streams.resolutions)
    tries: dict[str, Callable[[], object]] = {
        "read the backlog": lambda: read_backlog(client, streams),
        f"read {streams.gateway_keys}": lambda: client.hgetall(streams.gateway_keys),
        f"read {streams.rollout}": lambda: client.hgetall(streams.rollout),
        f"read {streams.rollout_report}": lambda: client.get(streams.rollout_report),
        f"write {streams.consoles}": lambda: client.hdel(streams.consoles, "probe"),
        **{f"read {key}": _reading(client, key) for key in (streams.predictions, streams.history, streams.drift)},
        **{f"write {key}": adding(client, key) for key in added},
        f"ask on {streams.what_if}": lambda: client.ltrim(streams.what_if, 0, -1),
        **{f"delete in {key}": _deleting(client, key) for key in letters},
    }
    try_rights("console", tries)


def _reading(client: redis.Redis, key: str) -> Callable[[], object]:
    return lambda: client.xrange(key, count=1)


def _deleting(client: redis.Redis, key: str) -> Callable[[], object]:
    return lambda: client.xdel(key, "0-1")
