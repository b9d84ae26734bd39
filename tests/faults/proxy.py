"""A proxy in front of a server that injects the faults of a network: delays, cuts, resets, lost messages."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from transport.scripts import Script

COMMIT = Script("consumer", "commit").sha1.encode()
"""The hash by which a commit calls its script."""
READ = b"XREADGROUP"
_CHUNK = 65_536
_NIL = b"*-1\r\n"
_TICK_S = 0.01


@dataclass(eq=False)
class _Connection:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    is_losing: bool = False

    def end(self, *, is_abrupt: bool) -> None:
        for end in (self.client, self.server):
            if is_abrupt and (sock := end.get_extra_info("socket")) is not None:
                # with a linger time of 0 the kernel sends RST instead of FIN
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()


class FaultyProxy:
    """Forwards everything until a fault is injected, from any thread.

    Attributes:
        url: its address for clients.
        delay_s: delay of every chunk of a reply.
        is_holding: while set, nothing is forwarded, and no connection ends.
        is_refusing: while set, new connections are closed at once.
        connections_cut: how many connections it has closed.
        bytes_lost: of replies and requests that it did not forward.
        has_lost: set once the reply of `lose_reply_to` has been dropped.
        has_withheld: set once the request of `withhold` has been dropped.
        has_fallen_silent: set once the request of `hold_at` has arrived.
    """

    def __init__(self, redis_url: str) -> None:
        self.retarget(redis_url)
        self.delay_s = 0.0
        self.is_holding = False
        self.is_refusing = False
        self.connections_cut = 0
        self.bytes_lost = 0
        self.has_lost = threading.Event()
        self.has_withheld = threading.Event()
        self._lose: tuple[bytes, ...] = ()
        self._withhold: tuple[bytes, ...] = ()
        self.has_fallen_silent = threading.Event()
        self._hold_at: tuple[bytes, ...] = ()
        self._connections: set[_Connection] = set()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._socket.getsockname()[1]}/0"
        self._loop = asyncio.new_event_loop()
        self._pumps: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def retarget(self, redis_url: str) -> None:
        """New connections go to this server."""
        address = urlsplit(redis_url)
        self._target = (address.hostname or "127.0.0.1", address.port or 6379)

    def lose_reply_to(self, *words: bytes) -> None:
        """Forward the next request that contains all these words, drop its reply, and cut the connection."""
        self.has_lost.clear()
        self._lose = words

    def withhold(self, *words: bytes) -> None:
        """Drop the next request that contains all these words, and everything after it on its connection."""
        self.has_withheld.clear()
        self._withhold = words

    def hold_at(self, *words: bytes) -> None:
        """Forward nothing any more, from the next request on that contains all these words."""
        self.has_fallen_silent.clear()
        self._hold_at = words

    def cut(self, *, is_abrupt: bool = False) -> None:
        """Close every connection, with a reset if it is abrupt."""
        done = threading.Event()

        def end_all() -> None:
            for connection in list(self._connections):
                connection.end(is_abrupt=is_abrupt)
                self.connections_cut += 1
            done.set()

        self._loop.call_soon_threadsafe(end_all)
        done.wait(5)

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, sock=self._socket), self._loop)
        self._server = starting.result(5)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        for connection in list(self._connections):
            connection.end(is_abrupt=False)
        for pump in list(self._pumps):
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_refusing:
            writer.transport.abort()
            return
        try:
            from_server, to_server = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        connection = _Connection(writer, to_server)
        self._connections.add(connection)
        pumps = {
            self._loop.create_task(self._forward_requests(connection, reader)),
            self._loop.create_task(self._forward_replies(connection, from_server)),
        }
        self._pumps |= pumps
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        connection.end(is_abrupt=False)
        await asyncio.wait(pumps)
        self._pumps -= pumps
        self._connections.discard(connection)

    async def _forward_requests(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self._withhold and all(word in data for word in self._withhold):
                    self._withhold = ()
                    self.bytes_lost += len(data)
                    self.has_withheld.set()
                    await self._drop_requests(reader)
                    return
                if self._hold_at and all(word in data for word in self._hold_at):
                    self._hold_at = ()
                    self.is_holding = True
                    self.has_fallen_silent.set()
                if self._lose and all(word in data for word in self._lose):
                    connection.is_losing = True
                await self._not_held()
                connection.server.write(data)
                await connection.server.drain()

    async def _drop_requests(self, reader: asyncio.StreamReader) -> None:
        while data := await reader.read(_CHUNK):
            self.bytes_lost += len(data)

    async def _forward_replies(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if connection.is_losing and self._lose and not data.startswith(_NIL):
                    self._lose = ()
                    self.bytes_lost += len(data)
                    self.connections_cut += 1
                    self.has_lost.set()
                    return
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._not_held()
                connection.client.write(data)
                await connection.client.drain()

    async def _not_held(self) -> None:
        while self.is_holding:  # noqa: ASYNC110 - another thread sets and clears it
            await asyncio.sleep(_TICK_S)
