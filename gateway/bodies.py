"""Reads the bodies of requests and writes answers: sizes, times and media types are checked here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, MutableMapping
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.problems import HttpProblemError, problem

Headers = Mapping[bytes, bytes]
_JSON_TYPES = frozenset({b"application/json", b"application/cloudevents+json", b"application/cloudevents-batch+json"})
_JSON_HEADER = (b"content-type", b"application/json")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """The headers of a request by lower-case name; of one that is repeated, the last."""
    return dict(scope["headers"])


def check_is_json(headers: Headers) -> None:
    """Check the media type of a body; some clients of inference servers send none.

    Raises:
        HttpProblemError: (415) it is not JSON.
    """
    kind = headers.get(b"content-type")
    if kind is not None and kind.partition(b";")[0].strip().lower() not in _JSON_TYPES:
        shown = kind.decode("latin-1")[:100]
        raise problem(415, "media_type", f"the body must be application/json, not {shown}")


async def read_body(receive: Receive, headers: Headers, max_bytes: int, timeout_s: float) -> bytes:
    """The whole body.

    Raises:
        HttpProblemError: (413) it is too large, (408) it did not arrive in time, (400) the client has gone.
    """
    if (length := headers.get(b"content-length")) is not None and int(length) > max_bytes:
        raise _too_large(max_bytes)
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            while True:
                message: MutableMapping[str, Any] = await receive()
                if message["type"] == "http.disconnect":
                    raise problem(400, "disconnected", "the client closed the connection before the body had come")
                part = message.get("body", b"")
                size += len(part)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                parts.append(part)
                if not message.get("more_body"):
                    return b"".join(parts) if len(parts) > 1 else part
    except TimeoutError:
        raise problem(408, "slow_body", f"the body did not arrive within {timeout_s:g} s") from None


def parse(body: bytes | bytearray, *, with_nan: bool = False) -> Any:
    """The JSON of a body.

    Args:
        body: as it was sent.
        with_nan: accept NaN, which some clients of inference servers write for a missing number.

    Raises:
        HttpProblemError: (400) it is not JSON.
    """
    try:
        return _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        if with_nan and b"NaN" in body:
            try:
                return json.loads(body)
            except (ValueError, RecursionError):
                pass
        raise problem(400, "not_json", f"the body is not JSON: {error}") from error


async def respond(send: Send, status: int, answer: Any, headers: Mapping[str, str] | None = None) -> None:
    """Write an answer as JSON."""
    body = _encode(answer)
    fields = [_JSON_HEADER, (b"content-length", b"%d" % len(body))]
    if headers:
        fields += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": body})


async def respond_with(send: Send, error: HttpProblemError) -> None:
    """Write a problem, and close the connection if its body was not read."""
    headers = dict(error.headers)
    if error.answer.status in {408, 413, 415}:
        headers["Connection"] = "close"
    await respond(send, error.answer.status, error.answer, headers)


def _too_large(max_bytes: int) -> HttpProblemError:
    return problem(413, "too_large", f"the body is too large; at most {max_bytes:,} bytes are accepted")


class JsonAnswer(Response):
    """An answer of a FastAPI route that is encoded like those of the scoring route."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode it."""
        return _encode(content)
