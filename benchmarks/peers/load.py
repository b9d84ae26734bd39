"""A load over HTTP: keep-alive connections that always have one request under way.

A request costs it less than 100 µs of one core, so that the server is what is measured: requests are made before, and
answers are read after the clock has stopped.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

HOST = "127.0.0.1"
START_S = 60.0
"""How long a server may take to answer at all."""
WARM_UP_S = 2.0
"""Before the clock runs; batching servers learn in it how long a batch takes."""
_OK = b"200"


class NotServedError(Exception):
    """A server closed a connection, or answered with an error."""


class Answer(NamedTuple):
    """An answer.

    Attributes:
        number: of the request, by its place in the sequence that was asked.
        at_s: when it was there, on the clock of `time.perf_counter`.
        body: of the answer.
    """

    number: int
    at_s: float
    body: bytes


class Load(NamedTuple):
    """What came of a load.

    Attributes:
        answers: all, in the order in which they came, those of the warm-up included.
        events_per_s: how many came a second while the clock ran.
    """

    answers: tuple[Answer, ...]
    events_per_s: float


def build_request(path: str, body: bytes) -> bytes:
    """A request as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


async def put_load(
    port: int, requests: Sequence[bytes], connections: int, seconds: float, look: Callable[[], object]
) -> Load:
    """Ask for so long, once the server is there and warm.

    Args:
        port: of the server, on this machine.
        requests: from `build_request`; when all were asked, it begins again with the first.
        connections: that always have a request under way.
        seconds: for which the clock runs.
        look: is called while the server starts; what it raises ends that.

    Raises:
        NotServedError: it answers with an error, or not at all.
    """
    await _until_ready(port, requests[0], look)
    begin = time.perf_counter() + WARM_UP_S
    end, numbers = begin + seconds, itertools.cycle(range(len(requests)))
    each = await asyncio.gather(*(_ask(port, requests, numbers, end) for _ in range(connections)))
    answers = sorted(itertools.chain.from_iterable(each), key=lambda answer: answer.at_s)
    counted = sum(begin <= answer.at_s < end for answer in answers)
    return Load(tuple(answers), counted / seconds)


async def _ask(port: int, requests: Sequence[bytes], numbers: Iterator[int], end: float) -> list[Answer]:
    reader, writer = await asyncio.open_connection(HOST, port)
    answers = []
    try:
        while time.perf_counter() < end:
            number = next(numbers)
            writer.write(requests[number])
            answers.append(Answer(number, *await _read(reader)))
    finally:
        writer.close()
    return answers


async def _read(reader: asyncio.StreamReader) -> tuple[float, bytes]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError, ValueError) as error:
        raise NotServedError(f"no whole answer: {error}") from error
    if head.split(b" ", 2)[1] != _OK:
        raise NotServedError(body.decode(errors="replace"))
    return time.perf_counter(), body


async def _until_ready(port: int, request: bytes, look: Callable[[], object]) -> None:
    give_up = time.perf_counter() + START_S
    while True:
        look()
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
            try:
                writer.write(request)
                await _read(reader)
            finally:
                writer.close()
        except (OSError, NotServedError) as error:
            if time.perf_counter() > give_up:
                raise NotServedError(f"it does not answer: {error}") from error
            await asyncio.sleep(0.1)
        else:
            return
