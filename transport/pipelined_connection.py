"""A connection on which a command goes out now and its reply is fetched later.

redis-py's clients wait for each reply. On a line the server works while the caller does. One command at a time is under
way; what a lost connection does to it only the caller can know, so nothing is sent again.
"""

from __future__ import annotations

import asyncio
import math
from typing import Any

import hiredis
import redis.asyncio
import redis.exceptions

from transport.connection import SOCKET_TIMEOUT_S


class PipelinedConnection:
    """A connection of its own, made with a client's address and user; it connects at the first command.

    Args:
        client: whose address and options are used.
        timeout_s: how long sending may take, and how long a reply may (see `receive`).
    """

    def __init__(self, client: redis.asyncio.Redis, timeout_s: float = SOCKET_TIMEOUT_S) -> None:
        pool = client.connection_pool
        # With a timeout of its own redis-py sends in a task aside, so that nothing has left when this task goes on
        self._connection: Any = pool.connection_class(**{**pool.connection_kwargs, "socket_timeout": None})
        self._timeout_s = timeout_s

    async def send(self, *command: Any) -> None:
        """Send a command; unless the connection is congested, it has left when this returns.

        Raises:
            redis.exceptions.ConnectionError: the connection is lost, the command with it or not.
            redis.exceptions.TimeoutError: it could not be sent in time.
        """
        if self._is_reset:
            await self._drop()
            raise redis.exceptions.ConnectionError("the connection was closed before the command was sent")
        try:
            async with asyncio.timeout(self._timeout_s):
                # redis-py's own packing goes through Python once more, and sends what it packed in pieces
                await self._connection.send_packed_command(hiredis.pack_command(command), check_health=False)
        except TimeoutError as error:
            await self._drop()
            raise redis.exceptions.TimeoutError(f"not sent within {self._timeout_s:g} s") from error
        except RuntimeError as error:
            # uvloop's word for a connection that was reset while we sent
            await self._drop()
            raise redis.exceptions.ConnectionError(str(error)) from error

    async def receive(self, patience_s: float = 0.0) -> Any:
        """The reply to the command under way; waits `patience_s` longer where the command itself waits.

        Raises:
            redis.exceptions.ResponseError: the server's answer.
            redis.exceptions.ConnectionError: the connection is lost, and the reply with it.
            redis.exceptions.TimeoutError: it did not come in time; the connection is given up.
        """
        try:
            async with asyncio.timeout(self._timeout_s + patience_s):
                return await self._connection.read_response(timeout=math.inf)
        except TimeoutError as error:
            await self._drop()
            raise redis.exceptions.TimeoutError(f"no reply within {self._timeout_s + patience_s:g} s") from error

    async def ask(self, *command: Any) -> Any:
        """Send a command and wait for its reply; raises as both."""
        await self.send(*command)
        return await self.receive()

    async def close(self) -> None:
        """End the connection; a command after that makes a new one."""
        await self._connection.disconnect()

    @property
    def _is_reset(self) -> bool:
        """Whether the connection has ended under us.

        asyncio's transport fails with an AttributeError when it is written to after that, from Python 3.12 on.
        """
        writer = self._connection._writer  # noqa: SLF001 - redis-py has no public word for it
        return writer is not None and bool(writer.transport.is_closing())

    async def _drop(self) -> None:
        # a peer that does not answer will not say goodbye either
        await self._connection.disconnect(nowait=True)
