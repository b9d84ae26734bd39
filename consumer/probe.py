"""Probes: the commit, and what it may write beside outcomes, tried as the consumer's own user before it begins.

A user who may not write to one of the keys would otherwise be discovered by that listing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import redis.asyncio
from redis.exceptions import ResponseError

from consumer.batch import Refusal, ScoredBatch
from consumer.committer import Committer
from schemas.domain import Domain
from schemas.errors import ServerError
from schemas.settings import Settings
from schemas.stamp import Stamp
from schemas.streams import DATA_FIELD, SCORERS, Streams
from schemas.window import row_dtype
from transport.connection import is_transient
from transport.pipelined_connection import PipelinedConnection
from transport.scripts import Script

_TRY_REPLY = Script("consumer", "try_reply")
_TRY_REQUEST = Script("consumer", "try_request")


async def try_commit(
    client: redis.asyncio.Redis, streams: Streams, domain: Domain, settings: Settings, name: str
) -> None:
    """Commit predictions and dead letters of each stream on keys of the probe's own, and remove them.

    Raises:
        ServerError: the script could not do all of its work; says what the server answered.
    """
    probe = streams.probe(name)
    connection = PipelinedConnection(client, probe.listings)
    committer = Committer(connection, probe, domain, settings, name)
    try:
        await client.delete(*probe.all_of_consumer, probe.bucket("probe"))
        await client.xgroup_create(probe.listings, SCORERS, "0", mkstream=True)
        ids: list[Any] = [await client.xadd(probe.listings, {DATA_FIELD: b"{}"}) for _ in range(4)]
        await client.xreadgroup(SCORERS, name, {probe.listings: b">"}, 4)
        batch = ScoredBatch(
            entry_ids=ids[:2],
            events=b"{}\n" * 2,
            identities=b'["probe","probe"]\n' * 2,
            stamp=Stamp("0", "0-0"),
            rows=bytes(2 * row_dtype(domain).itemsize),
            values=bytes(16),
            flags=bytes(2),
        )
        letters = zip(ids[2:], ("not_json", "rate_limited"), strict=True)
        batch.add([Refusal(entry_id, reason, ("probe", ""), b"{}") for entry_id, reason in letters])
        receipt = await committer.commit(batch)
        if receipt.restored or receipt.failure:
            raise ServerError(f"this user may not run the commit script: {receipt.failure}")
        await client.delete(*probe.all_of_consumer, probe.bucket("probe"))
    except ResponseError as error:
        raise ServerError(f"this user may not run the commit script: {error}") from error
    finally:
        await connection.close()


async def may_reply(client: redis.asyncio.Redis, streams: Streams, keys: Sequence[str], name: str) -> bool:
    """Whether the user may write to streams of replies in a commit; tried on one that does not exist.

    Args:
        client: of the user.
        streams: the domain's own keys: a probe's keys would show another right.
        keys: those of every commit.
        name: of the consumer.

    Raises:
        redis.exceptions.RedisError: the server cannot serve now.
    """
    # a colon cannot be in the name of an asker's stream
    return await _may_run(_TRY_REPLY, client, [streams.replies(f"probe:{name}"), *keys])


async def may_request(client: redis.asyncio.Redis, streams: Streams, keys: Sequence[str]) -> bool:
    """Whether the user may write requests for explanations in a commit; arguments and errors as of `may_reply`."""
    return await _may_run(_TRY_REQUEST, client, [streams.explain, *keys])


async def may_pair(client: redis.asyncio.Redis, streams: Streams, keys: Sequence[str]) -> bool:
    """Whether the user may write pairs of a rollout in a commit; arguments and errors as of `may_reply`."""
    return await _may_run(_TRY_REQUEST, client, [streams.shadows, *keys])


async def _may_run(script: Script, client: redis.asyncio.Redis, keys: Sequence[str]) -> bool:
    try:
        await script.run_async(client, keys)
    except ResponseError as error:
        if is_transient(error):
            raise
        return False
    return True
