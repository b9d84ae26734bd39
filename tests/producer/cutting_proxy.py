"""A proxy that loses replies: it forwards some bytes of them, drops the next, and cuts the connection."""

from __future__ import annotations

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class CuttingProxy:
    """A proxy between a client and a Redis.

    It forwards requests whole, and the first bytes of the replies. It cuts the connection after the server has sent a
    number of further bytes, so the server has certainly executed commands whose replies the client never receives.

    Attributes:
        url: its address for clients.
        has_cut: set when it has cut the connection.
    """

    def __init__(self, redis_url: str) -> None:
        address = urlsplit(redis_url)
        self._server = (address.hostname or "127.0.0.1", address.port or 6379)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._left: int | None = None
        self._lost = 0
        self.has_cut = threading.Event()
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def cut_after(self, passing: int, lost: int) -> None:
        """Forward the first `passing` bytes of further replies, and cut after the server has sent `lost` more."""
        self._left, self._lost = passing, lost

    def heal(self) -> None:
        """Cut no connection from now on."""
        self._left = None

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # a plain close does not wake a thread that waits in accept
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join()

    def _accept(self) -> None:
        pumps: list[threading.Thread] = []
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._server)
                for pump in (self._requests, self._replies):
                    pumps.append(threading.Thread(target=pump, args=(client, server), daemon=True))
                    pumps[-1].start()
        for thread in pumps:
            thread.join()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65_536):
                server.sendall(data)
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)

    def _replies(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65_536):
                passing = data if self._left is None else data[: self._left]
                client.sendall(passing)
                if self._left is not None:
                    self._left -= len(passing)
                    self._lost -= len(data) - len(passing)
                    if self._left == 0 and self._lost <= 0:
                        self.has_cut.set()
                        break
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
