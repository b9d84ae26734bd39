"""Measures peers one after another: ``python -m benchmarks.peers booster.ubj redis://… seconds name…``.

Each HTTP server is asked over keep-alive connections that always have a request under way. streaq drains tasks that
were enqueued before. What comes out on standard output is one JSON object: by peer, answers a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import anyio

CONNECTIONS = 32
WARM_UP_S = 1.0
START_S = 60.0
TASKS = 3000
ROW = [0.00632, 18.0, 2.31, 0.0, 0.538, 6.575, 65.2, 4.09, 1.0, 296.0, 15.3, 396.9, 4.98]

Body = Callable[[int], dict[str, Any]]


def _of_fastapi(number: int) -> dict[str, Any]:
    return {"id": f"listing-{number}", "features": ROW}


def _of_mlserver(number: int) -> dict[str, Any]:
    row = {"name": "row", "shape": [1, len(ROW)], "datatype": "FP64", "data": ROW}
    return {"id": f"listing-{number}", "inputs": [row]}


def _of_bentoml(_: int) -> dict[str, Any]:
    return {"rows": [ROW]}


SERVERS: dict[str, tuple[str, str, Body]] = {
    "fastapi": ("fastapi_app", "/predict", _of_fastapi),
    "mlserver": ("mlserver_app", "/v2/models/booster/infer", _of_mlserver),
    "bentoml": ("bentoml_app", "/predict", _of_bentoml),
}


async def rate_over_http(url: str, body: Body, seconds: float) -> float:
    """Answers a second once the server is warm.

    Raises:
        RuntimeError: it answers with an error, or not at all.
    """
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:
        await _until_ready(session, url, body)
        begin = time.perf_counter() + WARM_UP_S
        end = begin + seconds
        counts = await asyncio.gather(*(_ask(session, url, body, number, begin, end) for number in range(CONNECTIONS)))
    return sum(counts) / seconds


async def _ask(session: aiohttp.ClientSession, url: str, body: Body, number: int, begin: float, end: float) -> int:
    answered = 0
    while (now := time.perf_counter()) < end:
        async with session.post(url, json=body(number)) as response:
            text = await response.text()
            if response.status != 200:  # noqa: PLR2004 - OK
                raise RuntimeError(text)
        answered += begin <= now
    return answered


async def _until_ready(session: aiohttp.ClientSession, url: str, body: Body) -> None:
    give_up = time.perf_counter() + START_S
    while True:
        try:
            async with session.post(url, json=body(0)) as response:
                if response.status == 200:  # noqa: PLR2004 - OK
                    return
                found = await response.text()
        except aiohttp.ClientError as error:
            found = str(error)
        if time.perf_counter() > give_up:
            raise RuntimeError(f"{url} does not answer: {found}")
        await asyncio.sleep(0.2)


def rate_of_streaq(address: str, booster: str) -> float:
    """Tasks done a second."""
    sys.argv = ["", address, booster]
    from benchmarks.peers.streaq_app import DONE, predict, worker

    async def run() -> float:
        async with worker:
            await worker.redis.delete([DONE])
            await worker.enqueue_many([predict.enqueue(f"listing-{number}", ROW) for number in range(TASKS)])
            with _served("streaq_app", address, booster):
                first, begin = 0, 0.0
                while (done := int(await worker.redis.get(DONE) or 0)) < TASKS:
                    if done and not first:
                        first, begin = done, time.perf_counter()
                    await anyio.sleep(0.02)
                return (TASKS - first) / (time.perf_counter() - begin)

    return anyio.run(run)


@contextlib.contextmanager
def _served(module: str, where: str, booster: str) -> Iterator[None]:
    command = [sys.executable, "-m", f"benchmarks.peers.{module}", where, booster]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def main() -> None:
    """Measure those that are named."""
    booster, address, seconds, *names = sys.argv[1:]
    rates = {}
    for name in names:
        if name not in SERVERS:
            rates[name] = rate_of_streaq(address, booster)
            continue
        module, path, body = SERVERS[name]
        port = _free_port()
        with _served(module, str(port), booster):
            rates[name] = asyncio.run(rate_over_http(f"http://127.0.0.1:{port}{path}", body, float(seconds)))
    sys.stdout.write(json.dumps(rates) + "\n")


if __name__ == "__main__":
    main()
