"""Connections: uvicorn's protocol with bounds on what one may cost, and a way to answer requests without a task."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

MAX_HEAD_BYTES = 32_768
MAX_HEADERS = 100
AWAIT_BODY_S = 0.05
"""How long a small body is awaited without a task: many clients send it in a packet of its own."""
MAX_AWAITED_BYTES = 16_384
_REFUSAL = b"the head of the request is too large"
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%b" % (len(_REFUSAL), _REFUSAL)
)
_ANSWER = b"HTTP/1.1 200 OK\r\n%bcontent-type: application/json\r\ncontent-length: %d\r\n%b\r\n%b"
_CLOSE = b"connection: close\r\n"


class Exchange:
    """A request whose body has come as a whole, and its answer.

    Args:
        protocol: of the connection.
        cycle: uvicorn's record of the request.

    Attributes:
        scope: the head of the request, as in ASGI.
    """

    __slots__ = ("_cycle", "_protocol", "scope")

    def __init__(self, protocol: GatewayProtocol, cycle: RequestResponseCycle) -> None:
        self._protocol = protocol
        self._cycle = cycle
        self.scope: Any = cycle.scope

    @property
    def body(self) -> bytearray:
        """The body of the request."""
        return self._cycle.body

    def answer(self, body: bytes) -> None:
        """Write JSON with status 200; does nothing if the client has gone."""
        cycle = self._cycle
        if cycle.disconnected or cycle.transport.is_closing():
            return
        fields = b"".join([b"%b: %b\r\n" % field for field in cycle.default_headers])
        cycle.response_started = cycle.response_complete = True
        cycle.transport.write(_ANSWER % (fields, len(body), b"" if cycle.keep_alive else _CLOSE, body))
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()

    def hand_over(self, app: Any) -> None:
        """Let an ASGI application answer the request, in a task."""
        self._protocol.start_task(self._cycle, app)


def _take_none(_: Exchange) -> bool:
    return False


class GatewayProtocol(HttpToolsProtocol):
    """One connection.

    A head must be complete within the timeout, and no longer than `MAX_HEAD_BYTES`; a client that does not read its
    answer within the timeout is disconnected. uvicorn alone waits for ever.

    A request whose body comes with its head, or shortly after it, is offered to `take` before a task is made for it.
    """

    timeout_s = 10.0
    take: Callable[[Exchange], bool] = staticmethod(_take_none)
    _offered: tuple[RequestResponseCycle, Any] | None = None
    _body_timer: asyncio.TimerHandle | None = None
    _head_timer: asyncio.TimerHandle | None = None
    _write_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _is_head_open = True

    @classmethod
    def made_for(cls, timeout_s: float, take: Callable[[Exchange], bool]) -> type[GatewayProtocol]:
        """The protocol as a class, because uvicorn builds its instances.

        Args:
            timeout_s: for heads, and for the reading of answers.
            take: whether it answers an exchange; otherwise the application does, in a task.
        """
        return type("BoundGatewayProtocol", (cls,), {"timeout_s": timeout_s, "take": staticmethod(take)})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a first request."""
        super().connection_made(transport)
        self._head_timer = self.loop.call_later(self.timeout_s, self._abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all timers."""
        self._stop_head_timer()
        self._stop_write_timer()
        self._withdraw_offer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of a head that is not complete."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._offered is not None:
            self._await_body(*self._offered)
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
            if self._offered is not None:
                self._offer(*self._offered)

    def on_body(self, body: bytes) -> None:
        """Drop the body of a refused request."""
        if not self.transport.is_closing():
            super().on_body(body)

    def start_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Let an application answer a request, in a task."""
        self._withdraw_offer()
        super()._start_asgi_task(cycle, app)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if cycle.more_body:
            self._offered = cycle, app
        else:
            # it waited for the answer to the request before it
            self._offer(cycle, app)

    def _await_body(self, cycle: RequestResponseCycle, app: Any) -> None:
        """Wait a little for the rest of a body; the application reads what is large, slow, or must be asked for."""
        if len(cycle.body) > MAX_AWAITED_BYTES or cycle.waiting_for_100_continue:
            self.start_task(cycle, app)
        elif self._body_timer is None:
            self._body_timer = self.loop.call_later(AWAIT_BODY_S, self.start_task, cycle, app)

    def _withdraw_offer(self) -> None:
        self._offered = None
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _offer(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._withdraw_offer()
        # who does not read answers gets no further ones before there is room
        if app is not self.app or self.flow.write_paused or not self.take(Exchange(self, cycle)):
            self.start_task(cycle, app)

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
