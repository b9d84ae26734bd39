"""A network in front of servers that a test can partition: servers from each other, or from their clients.

Every server is reached at a port of the network, by its clients and by the other servers, because that is the port
which it announces. What is cut falls silent; what was sent meanwhile arrives late, as on a real network.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_CHUNK = 65_536
_TICK_S = 0.01
_PEERS = (b"REPLCONF", b"PSYNC", b"sentinel-")
"""What replicas and Sentinels send, and no client."""
_SENDER = slice(40, 80)
"""Where a message between nodes of a cluster names the node that sends it (`clusterMsg`)."""


@dataclass(eq=False)
class _Link:
    """One connection to a server.

    Attributes:
        target: port of the server itself.
        is_bus: whether nodes of a cluster speak on it.
        is_peer: whether a replica or a Sentinel speaks on it.
        sender: the id of the node that speaks, on a bus.
    """

    target: int
    is_bus: bool
    is_peer: bool = False
    sender: bytes = b""

    def note(self, data: bytes) -> None:
        """Recognise the sender by what it sends."""
        if self.is_bus:
            self.sender = self.sender or data[_SENDER]
        else:
            self.is_peer = self.is_peer or any(word in data for word in _PEERS)


class Network:
    """Forwards to servers on 127.0.0.1 until they are cut off, by any thread.

    Attributes:
        held: how many chunks were held back.
    """

    def __init__(self) -> None:
        self.held = 0
        self._without_clients: frozenset[int] = frozenset()
        self._without_peers: frozenset[int] = frozenset()
        self._without_nodes: frozenset[bytes] = frozenset()
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._pumps: set[asyncio.Task[None]] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def front(self, port: int, bus_port: int | None = None) -> int:
        """A port that leads to a server, or to its bus at `bus_port`."""
        link = (port, bus_port or port, bus_port is not None)
        return asyncio.run_coroutine_threadsafe(self._listen(*link), self._loop).result(5)

    def cut_clients(self, port: int) -> None:
        """Cut a server off from its clients; other servers still reach it."""
        self._without_clients |= {port}

    def cut_peers(self, port: int, node_id: str = "") -> None:
        """Cut a server off from all others, in both directions; its clients still reach it.

        Args:
            port: of the server itself.
            node_id: its name in a cluster.
        """
        self._without_peers |= {port}
        self._without_nodes |= {node_id.encode()}

    def heal(self) -> None:
        """Let everything through again."""
        self._without_clients = self._without_peers = frozenset()
        self._without_nodes = frozenset()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _is_held(self, link: _Link) -> bool:
        if link.is_bus:
            return link.target in self._without_peers or link.sender in self._without_nodes
        return link.target in (self._without_peers if link.is_peer else self._without_clients)

    async def _listen(self, target: int, port: int, is_bus: bool) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = self._loop.create_task(self._serve(_Link(target, is_bus), port, reader, writer))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for pump in list(self._pumps):
            pump.cancel()
        if self._serving:
            await asyncio.wait(self._serving, timeout=5)
        await asyncio.sleep(_TICK_S)  # transports that were aborted close themselves

    async def _serve(self, link: _Link, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            writer.transport.abort()
            return
        pumps = {
            self._loop.create_task(self._forward(link, reader, to_server, is_request=True)),
            self._loop.create_task(self._forward(link, from_server, writer, is_request=False)),
        }
        self._pumps |= pumps
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, to_server):
            end.transport.abort()
        await asyncio.wait(pumps)
        self._pumps -= pumps

    async def _forward(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_request: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(_CHUNK):
                if is_request:
                    link.note(data)
                self.held += self._is_held(link)
                while self._is_held(link):  # noqa: ASYNC110 - another thread cuts and heals
                    await asyncio.sleep(_TICK_S)
                writer.write(data)
                await writer.drain()
