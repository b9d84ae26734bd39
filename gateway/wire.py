"""Bounds what a connection may cost: uvicorn's protocol with a limit on heads, on slow clients and on slow readers."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES = 32_768
MAX_HEADERS = 100
_REFUSAL = b"the head of the request is too large"
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_REFUSAL), _REFUSAL)
)


class GatewayProtocol(HttpToolsProtocol):
    """One connection.

    A head must be complete within the timeout, and no longer than `MAX_HEAD_BYTES`; a client that does not read its
    answer within the timeout is disconnected. uvicorn alone waits for ever.
    """

    timeout_s = 10.0
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _is_head_open = True

    @classmethod
    def with_timeout(cls, timeout_s: float) -> type[GatewayProtocol]:
        """The protocol with another timeout, as a class: uvicorn builds its instances."""
        return type("TimedGatewayProtocol", (cls,), {"timeout_s": timeout_s})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a first request."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.timeout_s, self._abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._stop_head_timer()
        self._stop_write_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a head that is not complete."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._is_head_open and self.parser is not None:
            self._head_bytes += len(data)
            if self._head_timer is None:
                self._head_timer = self.loop.call_later(self.timeout_s, self._abort)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse_head()

    def on_message_begin(self) -> None:
        """Begin to count."""
        self._is_head_open, self._head_bytes = True, 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Ignore headers beyond the limit; the head is refused when it is complete."""
        if len(self.headers) <= MAX_HEADERS:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request, unless it has too many headers."""
        self._is_head_open = False
        self._stop_head_timer()
        if len(self.headers) > MAX_HEADERS:
            self._refuse_head()
        else:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next request."""
        if not self.transport.is_closing():
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        """Drop the body of a refused request."""
        if not self.transport.is_closing():
            super().on_body(body)

    def pause_writing(self) -> None:
        """Give the client some time to read."""
        super().pause_writing()
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(self.timeout_s, self._abort)

    def resume_writing(self) -> None:
        """The client has read."""
        self._stop_write_timer()
        super().resume_writing()

    def _refuse_head(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def _abort(self) -> None:
        self.transport.abort()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_write_timer(self) -> None:
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None
