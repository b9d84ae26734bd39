"""A load over HTTP: keep-alive connections that always have one request in flight.

Requests are built before the measurement and answers parsed after it. So a request costs the generator less than 100 µs
of one core, and the server is what limits the rate.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

HOST = "127.0.0.1"
START_S = 180.0
"""How long a server may take until its first answer."""
WARM_UP_S = 2.0
"""Time before the measurement, in which batching servers learn how long a batch takes."""
_OK = b"200"


class NotServedError(Exception):
    """A server closed a connection, or answered with an error."""


class HttpAnswer(NamedTuple):
    """An answer to a request.

    Attributes:
        number: index of the request in the sequence of requests.
        at_s: when it arrived, on the clock of `time.perf_counter`.
        body: undecoded.
    """

    number: int
    at_s: float
    body: bytes


class LoadResult(NamedTuple):
    """The answers to a load.

    Attributes:
        answers: in the order of arrival, those of the warm-up included.
        events_per_s: answers per second, without those of the warm-up.
    """

    answers: tuple[HttpAnswer, ...]
    events_per_s: float


def build_request(path: str, body: bytes) -> bytes:
    """The bytes of a request."""
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def put_load(
    port: int, requests: Sequence[bytes], connections: int, seconds: float, check: Callable[[], object]
) -> LoadResult:
    """Wait until the server answers, then send requests for the warm-up and the measurement.

    Args:
        port: of the server, on this machine.
        requests: from `build_request`; repeated after the last.
        connections: that always have a request in flight.
        seconds: duration of the measurement.
        check: called while the server starts; it raises if the server has died.

    Raises:
        NotServedError: the server answers with an error, or not at all.
    """
    await _until_ready(port, requests[0], check)
    begin = time.perf_counter() + WARM_UP_S
    end, numbers = begin + seconds, itertools.cycle(range(len(requests)))
    answered = await asyncio.gather(*(_send_requests(port, requests, numbers, end) for _ in range(connections)))
    answers = sorted(itertools.chain.from_iterable(answered), key=lambda answer: answer.at_s)
    counted = sum(begin <= answer.at_s < end for answer in answers)
    return LoadResult(tuple(answers), counted / seconds)


async def _send_requests(port: int, requests: Sequence[bytes], numbers: Iterator[int], end: float) -> list[HttpAnswer]:
    reader, writer = await asyncio.open_connection(HOST, port)
    answers = []
    try:
        while time.perf_counter() < end:
            number = next(numbers)
            writer.write(requests[number])
            answers.append(HttpAnswer(number, *await _read(reader)))
    finally:
        writer.close()
    return answers


async def _read(reader: asyncio.StreamReader) -> tuple[float, bytes]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
        raise NotServedError(f"incomplete answer: {error}") from error
    if head.split(b" ", 2)[1] != _OK:
        raise NotServedError(body.decode(errors="replace"))
    return time.perf_counter(), body


async def _until_ready(port: int, request: bytes, check: Callable[[], object]) -> None:
    deadline = time.perf_counter() + START_S
    while True:
        check()
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(request)
                await _read(reader)
            finally:
                writer.close()
        except (OSError, NotServedError) as error:
            if time.perf_counter() > deadline:
                raise NotServedError(f"does not answer: {error}") from error
            await asyncio.sleep(0.1)
        else:
            return
