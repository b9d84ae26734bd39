"""What a browser may do: only pages of the console reach it, and they run no script and show no page of others."""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.console_settings import ConsoleSettings
from service.endpoints import PROBES
from service.loopback import LOOPBACK_NAMES

SOCKET_PATH = "/_nicegui_ws/"
_POLICY_VIOLATION = 1008
_SCRIPT = re.compile(rb"<script\b")


class SiteGuard:
    """Wraps the application of a console.

    A request must name this machine or the public address as its host: so a foreign name that resolves to this machine
    reaches nothing. A WebSocket, and every request that is no GET or HEAD, must come from a page of the console.
    Scripts of a page carry a nonce, without which the browser does not run them.

    Args:
        app: what is guarded.
        settings: with the public address.
    """

    def __init__(self, app: ASGIApp, settings: ConsoleSettings) -> None:
        self._app = app
        self._origin = settings.origin
        self._names = LOOPBACK_NAMES | ({urlsplit(self._origin).hostname} if self._origin else set())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or connection."""
        if scope["type"] == "lifespan" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        if why_refused := self._refusal(scope, Headers(scope=scope)):
            if scope["type"] == "websocket":
                await receive()
                await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": why_refused[:120]})
            else:
                await PlainTextResponse(why_refused, 403)(scope, receive, send)
            return
        # NiceGUI would put the value into the addresses of its scripts
        scope["headers"] = [each for each in scope["headers"] if each[0] != b"x-forwarded-prefix"]
        await self._app(scope, receive, _Guarded(send) if scope["type"] == "http" else send)

    def _refusal(self, scope: Scope, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if _name_of(host) not in self._names:
            return "this console is not known by that name: set console.public_url to the address that browsers use"
        is_socket = scope["type"] == "websocket"
        if not is_socket and SOCKET_PATH in scope["path"]:
            return "the console speaks WebSocket: let the proxy pass it"
        if not is_socket and scope["method"] in {"GET", "HEAD"}:
            return None
        origin = headers.get("origin", "").lower()
        if self._origin is not None and origin == self._origin:
            return None
        parts = urlsplit(origin)
        if parts.netloc == host.lower() and _name_of(host) in LOOPBACK_NAMES:
            return None
        return "no page of another site may use the console"


class _Guarded:
    """Adds security headers to a response, and a nonce to the scripts of a page."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._nonce = secrets.token_urlsafe(16)
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message["headers"])
            headers["Content-Security-Policy"] = _policy(self._nonce)
            headers["X-Content-Type-Options"] = "nosniff"
            headers["Referrer-Policy"] = "same-origin"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            message["headers"] = headers.raw
            if headers.get("content-type", "").startswith("text/html"):
                self._start = message  # sent with the page, whose length changes
                return
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if message.get("more_body", False):
                return
            body = _SCRIPT.sub(b'<script nonce="' + self._nonce.encode() + b'"', self._body)
            headers = MutableHeaders(raw=self._start["headers"])
            headers["Content-Length"] = str(len(body))
            await self._send({**self._start, "headers": headers.raw})
            message = {"type": "http.response.body", "body": body}
        await self._send(message)


def _policy(nonce: str) -> str:
    # Vue compiles the templates of NiceGUI's components in the browser, and Quasar sets styles of elements
    return (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


def _name_of(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
