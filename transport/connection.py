"""Connections to Redis that never repeat a command behind one's back, and errors in the product's own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
import redis.asyncio
import redis.exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from schemas.errors import RedisUnavailableError

SOCKET_TIMEOUT_S = 5.0

TRANSIENT = (
    redis.exceptions.ConnectionError,
    redis.exceptions.TimeoutError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.MasterDownError,
    redis.exceptions.ClusterDownError,
    redis.exceptions.TryAgainError,
    OSError,
)
"""What redis-py raises when the server cannot serve now; most of it arrives as an answer, not as a lost connection."""

_TRANSIENT_ANSWERS = ("LOADING", "MISCONF", "NOREPLICAS", "UNKILLABLE", "BUSY", "READONLY", "OOM", "MASTERDOWN")


def is_transient(error: BaseException) -> bool:
    """Whether trying the same again later may help.

    Errors raised inside a script arrive as plain ResponseErrors whose text alone names the cause.
    """
    if isinstance(error, redis.exceptions.AuthenticationError | redis.exceptions.AuthorizationError):
        return False
    if isinstance(error, TRANSIENT):
        return True
    return isinstance(error, redis.exceptions.ResponseError) and any(
        str(error).startswith(code) or f" {code} " in str(error) for code in _TRANSIENT_ANSWERS
    )


def connect(url: str, timeout_s: float = SOCKET_TIMEOUT_S) -> redis.Redis:
    """A synchronous client; replies are bytes, nothing is repeated after a lost connection."""
    options = {**_options(timeout_s), "retry": Retry(NoBackoff(), 0)}
    return redis.Redis.from_url(url, **options)


def connect_async(url: str, timeout_s: float = SOCKET_TIMEOUT_S) -> redis.asyncio.Redis:
    """An asynchronous client; replies are bytes, nothing is repeated after a lost connection."""
    options = {**_options(timeout_s), "retry": redis.asyncio.retry.Retry(NoBackoff(), 0)}
    return redis.asyncio.Redis.from_url(url, **options)


def _options(timeout_s: float) -> dict[str, Any]:
    # RESP2 has the same replies on every server the product runs on
    return {"protocol": 2, "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s, "socket_keepalive": True}


@contextmanager
def speaking_to(url: str) -> Iterator[None]:
    """Turn a lost or refused connection into one line that names the server.

    Raises:
        RedisUnavailableError: Redis does not answer, refuses the user, or cannot write now.
    """
    try:
        yield
    except redis.exceptions.AuthenticationError as error:
        raise RedisUnavailableError(
            f"Redis at {without_password(url)} refused the user or password: {error}"
        ) from error
    except redis.exceptions.RedisError as error:
        if not is_transient(error):
            raise
        raise RedisUnavailableError(f"Redis at {without_password(url)} does not answer: {error}") from error


def without_password(url: str) -> str:
    """The URL as it may be shown."""
    scheme, separator, rest = url.partition("://")
    credentials, at, address = rest.rpartition("@")
    user = credentials.partition(":")[0]
    return f"{scheme}{separator}{user + ':***' if at else ''}{at}{address}"
