"""Clients that follow a master: before each connection they ask the Sentinels where it is.

Pools and connections are redis-py's own for Sentinel, with one difference: an answer that only a former or an isolated
master gives, in a script or not, closes the connection, so that the next command asks the Sentinels again.
"""

from __future__ import annotations

import re
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.connection import Connection as AsyncConnection
from redis.asyncio.connection import SSLConnection as AsyncSSLConnection
from redis.asyncio.sentinel import SentinelConnectionPool as AsyncSentinelConnectionPool
from redis.asyncio.sentinel import SentinelManagedConnection as AsyncSentinelManagedConnection
from redis.connection import Connection, SSLConnection
from redis.exceptions import MasterDownError, ReadOnlyError, RedisError, ResponseError
from redis.sentinel import MasterNotFoundError, SentinelConnectionPool, SentinelManagedConnection

from transport.address import is_tls, master_of, node_options, nodes_of, sentinel_options

SENTINEL_TIMEOUT_S = 1.0
"""For each Sentinel, so that those which are away do not take the time of the others."""

Address = tuple[str, int]
_FORMER_MASTER = re.compile(r"(?:^|[ -])(?:READONLY|NOREPLICAS|MASTERDOWN) ")


def follow_master(url: str, options: dict[str, Any]) -> redis.Redis:
    """A synchronous client of the master that the Sentinels of a URL know.

    Args:
        url: of the form `redis+sentinel://`.
        options: of redis-py's client, beside the URL.
    """
    kind = TlsMasterConnection if is_tls(url) else MasterConnection
    of_connection = node_options(url) | options | {"connection_class": kind}
    pool = SentinelConnectionPool(master_of(url), _Sentinels(url, options), **of_connection)  # type: ignore[no-untyped-call]
    return redis.Redis.from_pool(pool)


def follow_master_async(url: str, options: dict[str, Any]) -> redis.asyncio.Redis:
    """An asynchronous client of the master; arguments as of `follow_master`."""
    kind = AsyncTlsMasterConnection if is_tls(url) else AsyncMasterConnection
    of_connection = node_options(url) | options | {"connection_class": kind}
    sentinels = _AsyncSentinels(url, options)
    pool = AsyncSentinelConnectionPool(master_of(url), sentinels, **of_connection)  # type: ignore[no-untyped-call]
    return redis.asyncio.Redis.from_pool(pool)


class MasterConnection(SentinelManagedConnection):
    """A connection to the master that the Sentinels name, of a synchronous client."""

    def read_response(self, *args: Any, **options: Any) -> Any:
        """As redis-py's own connection, but an answer of a former master closes it."""
        try:
            # redis-py's class for Sentinel knows no answer from inside a script
            return Connection.read_response(self, *args, **options)
        except ResponseError as error:
            if is_former_master(error):
                self.disconnect()  # type: ignore[no-untyped-call]
            raise


class TlsMasterConnection(MasterConnection, SSLConnection):
    """The same over TLS."""


class AsyncMasterConnection(AsyncSentinelManagedConnection):
    """The same of an asynchronous client."""

    async def read_response(self, *args: Any, **options: Any) -> Any:
        """As `MasterConnection.read_response`."""
        try:
            return await AsyncConnection.read_response(self, *args, **options)
        except ResponseError as error:
            if is_former_master(error):
                await self.disconnect()
            raise


class AsyncTlsMasterConnection(AsyncMasterConnection, AsyncSSLConnection):
    """The same over TLS."""


def is_former_master(error: ResponseError) -> bool:
    """Whether only a server that is, or should be, no master any more answers so."""
    return isinstance(error, ReadOnlyError | MasterDownError) or bool(_FORMER_MASTER.search(str(error)))


class _Replies:
    """What Sentinels answered about one master: the first that knows it alive counts."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._problems: list[str] = []

    def address(self, node: Address, reply: Any) -> Address | None:
        state = dict(zip(reply[::2], reply[1::2], strict=True))
        flags = state[b"flags"].split(b",")
        if b"s_down" not in flags and b"o_down" not in flags:
            return state[b"ip"].decode(), int(state[b"port"])
        self.note(node, f"{state[b'ip'].decode()}:{int(state[b'port'])} is down")
        return None

    def note(self, node: Address, problem: object) -> None:
        self._problems.append(f"Sentinel {node[0]}:{node[1]}: {problem}")

    def failure(self) -> MasterNotFoundError:
        return MasterNotFoundError(f"no master {self._name!r}: {'; '.join(self._problems)}")


class _Nodes:
    """The Sentinels, those that answered last first."""

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        self._nodes = nodes_of(url)
        timeouts = {"socket_timeout": SENTINEL_TIMEOUT_S, "socket_connect_timeout": SENTINEL_TIMEOUT_S}
        self._options: dict[str, Any] = sentinel_options(url) | options | timeouts

    def _move_to_front(self, node: Address) -> None:
        # one assignment, because threads share it
        self._nodes = [node, *(each for each in self._nodes if each != node)]


class _Sentinels(_Nodes):
    """Opens a connection for each question: questions are rare, and nothing is left to close."""

    def discover_master(self, name: str) -> Address:
        """Host and port of the master. Redis-py's pool calls this.

        Raises:
            MasterNotFoundError: no Sentinel knows it alive; says what each answered.
        """
        replies = _Replies(name)
        for node in tuple(self._nodes):
            try:
                with redis.Redis(host=node[0], port=node[1], **self._options) as client:
                    reply = client.execute_command("SENTINEL", "MASTER", name)
            except (RedisError, OSError) as error:
                replies.note(node, error)
                continue
            if address := replies.address(node, reply):
                self._move_to_front(node)
                return address
        raise replies.failure()


class _AsyncSentinels(_Nodes):
    """The same for asynchronous clients."""

    async def discover_master(self, name: str) -> Address:
        """As of `_Sentinels`."""
        replies = _Replies(name)
        for node in tuple(self._nodes):
            try:
                async with redis.asyncio.Redis(host=node[0], port=node[1], **self._options) as client:
                    reply = await client.execute_command("SENTINEL", "MASTER", name)  # type: ignore[no-untyped-call]
            except (RedisError, OSError) as error:
                replies.note(node, error)
                continue
            if address := replies.address(node, reply):
                self._move_to_front(node)
                return address
        raise replies.failure()
