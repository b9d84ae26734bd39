"""Connections to Redis that never repeat a command by themselves, and readable errors when Redis is unavailable.

One server, a master that Sentinels watch, and a cluster differ in their URL alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
import redis.asyncio
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from schemas.errors import RedisUnavailableError, ServerError
from transport.address import client_options, is_cluster, is_sentinel, reading_url, without_password
from transport.async_cluster import AsyncClusterClient
from transport.cluster import ClusterClient
from transport.sentinel import follow_master, follow_master_async

SOCKET_TIMEOUT_S = 5.0

TRANSIENT = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.MasterDownError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.TryAgainError,
    redis.exceptions.AskError,
    OSError,
)
"""What redis-py raises when the server cannot serve now; most arrive as an answer, not as a lost connection."""

_REFUSALS = (
    redis.exceptions.AuthenticationError,
    redis.exceptions.AuthorizationError,
    redis.exceptions.NoPermissionError,
)
NOT_ROUTED = "is a node of a cluster: use redis+cluster:// instead of redis://"
"""What is wrong where a client that follows no redirection is redirected."""
_NO_DATABASE = "DB index is out of range"
# at the start, after a script's name and line, or on 6.2 after a hyphen; BUSYGROUP is not BUSY
_TRANSIENT_ANSWER = re.compile(
    r"(?:^|[ -])(?:LOADING|MISCONF|NOREPLICAS|UNKILLABLE|BUSY|READONLY|OOM|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK) "
)


def is_transient(error: BaseException) -> bool:
    """Whether a retry may succeed later.

    Errors raised inside a script arrive as plain ResponseErrors, whose text alone names the cause.
    """
    if isinstance(error, _REFUSALS):
        return False
    if isinstance(error, TRANSIENT):
        return True
    return isinstance(error, redis.exceptions.ResponseError) and bool(_TRANSIENT_ANSWER.search(str(error)))


def connect(url: str, timeout_s: float = SOCKET_TIMEOUT_S) -> redis.Redis:
    """A synchronous client; replies are bytes, nothing is repeated after a lost connection.

    Raises:
        ConfigurationError: the URL cannot be used. Whether a server answers shows with the first command.
    """
    options = client_options(url, timeout_s) | {"retry": Retry(NoBackoff(), 0)}
    with reading_url(url):
        if is_sentinel(url):
            return follow_master(url, options)
        return ClusterClient(url, options) if is_cluster(url) else redis.Redis.from_url(url, **options)


def connect_async(url: str, timeout_s: float = SOCKET_TIMEOUT_S) -> redis.asyncio.Redis:
    """An asynchronous client; replies are bytes, nothing is repeated after a lost connection.

    Raises:
        ConfigurationError: as `connect`.
    """
    options = client_options(url, timeout_s) | {"retry": redis.asyncio.retry.Retry(NoBackoff(), 0)}
    with reading_url(url):
        if is_sentinel(url):
            return follow_master_async(url, options)
        return AsyncClusterClient(url, options) if is_cluster(url) else redis.asyncio.Redis.from_url(url, **options)


def pool_of(client: redis.Redis, key: str) -> Any:
    """The pool of connections to the server that has a key, for commands that the client cannot send.

    Raises:
        redis.exceptions.RedisError: a cluster does not say which node that is.
    """
    return client.pool_of(key) if isinstance(client, ClusterClient) else client.connection_pool


async def pool_of_async(client: redis.asyncio.Redis, key: str) -> Any:
    """As `pool_of`, for an asynchronous client."""
    return await client.pool_of(key) if isinstance(client, AsyncClusterClient) else client.connection_pool


def note_failure(client: redis.Redis | redis.asyncio.Redis, error: BaseException) -> None:
    """Tell a client that a connection of one of its pools failed, so that it asks the cluster again who owns what."""
    if isinstance(client, ClusterClient | AsyncClusterClient):
        client.note_failure(error)


@contextmanager
def speaking_to(url: str) -> Iterator[None]:
    """Turn a lost or refused connection into a one-line error that names the server.

    Raises:
        RedisUnavailableError: Redis does not answer, refuses the user, or cannot write now.
        ServerError: it is a node of a cluster, and the URL is not that of a cluster.
    """
    try:
        yield
    except _REFUSALS as error:
        raise RedisUnavailableError(
            f"Redis at {without_password(url)} refused the user or password: {error}"
        ) from error
    except redis.exceptions.MovedError as error:
        raise ServerError(f"Redis at {without_password(url)} {NOT_ROUTED}") from error
    except redis.exceptions.RedisError as error:
        if str(error).startswith(_NO_DATABASE):
            raise RedisUnavailableError(f"Redis at {without_password(url)} has no such database: {error}") from error
        if not is_transient(error):
            raise
        raise RedisUnavailableError(f"Redis at {without_password(url)} does not answer: {error}") from error


async def open_without_timeout(pool: redis.asyncio.ConnectionPool, read_bytes: int) -> Any:
    """A connection of its own with a pool's address, user and TLS, whose caller limits the time of what it does.

    With a timeout of its own, redis-py sends in a separate task: nothing would be sent before the caller yields.

    Args:
        pool: that knows how to connect.
        read_bytes: most bytes that a read takes.
    """
    options = {**pool.connection_kwargs, "socket_timeout": None, "socket_read_size": read_bytes}
    connection: Any = pool.connection_class(**options)
    try:
        # sending would connect, too, but pass by the search for the master
        await connection.connect()
    except BaseException:
        await connection.disconnect(nowait=True)
        raise
    return connection
