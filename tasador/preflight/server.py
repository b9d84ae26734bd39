"""Checks a Redis server: version, memory, durability, role, and the rights of the user."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import redis
from redis.exceptions import RedisError, ResponseError

from schemas.command_line import spell_command
from schemas.domain import Domain
from schemas.errors import ConfigurationError, RedisUnavailableError, ServerError
from schemas.settings import Settings
from schemas.shards import ShardLayout
from schemas.stored_features import AT
from schemas.streams import TRAINERS, Streams
from tasador.machine.redis_binary import find_binary
from tasador.machine.running_system import redis_url
from tasador.preflight.finding import Finding
from transport.address import without_password
from transport.connection import connect, connect_async, is_transient, speaking_to
from transport.server import check_server
from transport.shards import read_hold

FULL_SHARE = 0.8
"""Share of `maxmemory` from which a warning is given."""

_finding = partial(Finding, "server")


def check_redis(settings: Settings) -> list[Finding]:
    """Check the server of the settings; without one, whether `tasador up` can start its own."""
    if settings.redis_url is None:
        return [_private_server(settings)]
    url = redis_url(settings)
    try:
        with speaking_to(url), connect(url) as client:
            client.ping()
            return list(_findings(client, settings))
    except RedisUnavailableError as error:
        return [_finding("error", str(error), "start Redis, or correct TASADOR_REDIS_URL (user, password, address)")]
    except RedisError as error:
        what = f"{without_password(url)}: {error}"
        return [_finding("error", what, "give this user the rights that docs/runbook.md lists")]


def _private_server(settings: Settings) -> Finding:
    try:
        binary = find_binary()
    except ConfigurationError as error:
        return _finding("error", str(error), "install a redis-server, or set TASADOR_REDIS_URL")
    folder = settings.home / "redis"
    return _finding("ok", f"no Redis is set and no system runs: `tasador up` will start {binary} in {folder}")


def _findings(client: redis.Redis, settings: Settings) -> Iterator[Finding]:
    info: Any = client.info("everything") if _may_info(client) else None
    if info is None:
        yield _finding(
            "warning", "this user may not run INFO, so version, memory and durability are unchecked", "allow +info"
        )
        return
    name = "Valkey" if "valkey_version" in info else "Redis"
    version = info.get("valkey_version", info["redis_version"])
    try:
        check_server(client, settings.streams)
    except ServerError as error:
        yield _finding(
            "error", str(error), "use a newer server" if "old" in str(error) else "set TASADOR_PREFIX as the error says"
        )
    else:
        yield _finding("ok", f"{name} {version} at {without_password(redis_url(settings))}")
    yield from _memory(info)
    yield from _durability(info)
    if info.get("role") == "slave":
        yield _finding("error", "the server is a read-only replica", "set TASADOR_REDIS_URL to its master")
        return
    yield from _rights(client, settings)


def _may_info(client: redis.Redis) -> bool:
    try:
        client.info("server")
    except redis.exceptions.NoPermissionError:
        return False
    return True


def _memory(info: dict[str, Any]) -> Iterator[Finding]:
    policy, limit, used = info.get("maxmemory_policy"), int(info.get("maxmemory", 0)), int(info.get("used_memory", 0))
    if policy == "noeviction":
        yield _finding("ok", "maxmemory-policy is noeviction")
    else:
        what = f"maxmemory-policy is {policy}: a full server evicts keys, even whole streams"
        yield _finding("warning", what, "CONFIG SET maxmemory-policy noeviction, and set it in the configuration file")
    if limit and used > FULL_SHARE * limit:
        what = f"{used / limit:.0%} of maxmemory are used; a full server refuses writes, so nothing is scored"
        yield _finding("warning", what, "raise maxmemory, or lower retention in params.yaml")


def _durability(info: dict[str, Any]) -> Iterator[Finding]:
    if int(info.get("aof_enabled", 0)):
        yield _finding("ok", "the append-only file is on")
    else:
        what = "the append-only file is off: a crash loses everything since the last snapshot"
        yield _finding("warning", what, "CONFIG SET appendonly yes, and set it in the configuration file")
    if info.get("aof_last_write_status", "ok") != "ok" or info.get("rdb_last_bgsave_status", "ok") != "ok":
        yield _finding(
            "error", "the last write to disk failed, so the server may refuse writes", "check its log and its disk"
        )


def _rights(client: redis.Redis, settings: Settings) -> Iterator[Finding]:
    streams, shards = settings.streams, settings.shards
    try:
        is_held, layout = read_hold(client, streams)
    except redis.exceptions.NoPermissionError:
        what = f"this user may not read {streams.shards} and {streams.shards_hold}, which every process needs"
        yield _finding("error", what, "give this user the rights that docs/runbook.md lists")
    else:
        shards = max(shards, layout.read) if layout else shards
        yield from _shards(settings, layout, is_held=is_held)
    # the keys of the last shard have the same rights as those of all but the first
    last = streams.of_shard(shards - 1)
    yield from _commit(settings, last)
    refused = list(_dry_run(client, last))
    for command in refused:
        what = f"this user may not run {command}, which a publisher, consumer, worker or monitor needs"
        yield _finding("error", what, "give this user the rights that docs/runbook.md lists")


def _shards(settings: Settings, layout: ShardLayout | None, *, is_held: bool) -> Iterator[Finding]:
    if is_held:
        yield _finding(
            "warning", "the number of shards is being changed: publishers wait", "see `tasador shards status`"
        )
    if layout is not None and settings.shards not in {1, layout.count}:
        what = f"the settings say {settings.shards} shards, and Redis {layout.count}, which counts"
        yield _finding(
            "warning",
            what,
            f"{spell_command(f'shards set {settings.shards}', settings.domain)}, or correct the setting",
        )
    elif layout is not None:
        yield _finding("ok", f"listings are spread over {layout.count} shards")


def _commit(settings: Settings, last: Streams) -> Iterator[Finding]:
    with suppress(ConfigurationError):  # the checks of the configuration report it
        domain = settings.load_domain()
        try:
            asyncio.run(_try_commit(settings, domain, {settings.streams, last}))
        except ServerError as error:
            yield _finding("error", f"as a consumer: {error}", "give this user the rights that docs/runbook.md lists")
        else:
            yield _finding("ok", "this user may run the consumer's script")


async def _try_commit(settings: Settings, domain: Domain, shards: Collection[Streams]) -> None:
    # imports numpy and FastStream, which the other checks do not need
    from consumer.probe import try_commit

    client = connect_async(redis_url(settings))
    try:
        for shard in shards:
            await try_commit(client, shard, domain, settings, f"check-{os.getpid()}")
    finally:
        await client.aclose()


def _dry_run(client: redis.Redis, streams: Streams) -> Iterator[str]:
    """Commands of other processes that the user may not run; none on servers before 7.0, which lack ACL DRYRUN."""
    commands = (
        ("XADD", streams.listings, "*", "data", ""),
        ("XADD", streams.commands, "*", "data", ""),
        ("XADD", streams.model_events, "*", "data", ""),
        ("XADD", streams.outcomes, "*", "data", ""),
        ("XADD", streams.drift, "*", "data", ""),
        ("XREADGROUP", "GROUP", TRAINERS, "check", "STREAMS", streams.commands, ">"),
        ("HSET", streams.model, "version", "1"),
        ("XADD", streams.history, "*", "data", ""),
        ("HSET", streams.loop, "actor", ""),
        ("HSET", streams.trainers, "check", ""),
        ("HSET", streams.monitors, "check", ""),
        ("XRANGE", streams.predictions, "-", "+"),
        ("HMGET", streams.features("check"), AT),
    )
    keys = (streams.prefix.rstrip("}"), streams.features(""))
    try:
        user: Any = client.acl_whoami()
        for command in commands:
            reply: Any = client.execute_command("ACL DRYRUN", user, *command)  # type: ignore[no-untyped-call]
            if reply not in {b"OK", "OK", True}:
                yield f"{command[0]} on {next(word for word in command if word.startswith(keys))}"
    except ResponseError as error:
        if is_transient(error):
            raise
