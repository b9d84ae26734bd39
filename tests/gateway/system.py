"""A gateway and consumers of two domains in threads of the test's process, on a real Redis."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPSConnection
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import SecretStr

from consumer.consumer import Consumer
from consumer.served_model import ServedModel
from gateway.app import build_gateway
from gateway.server import serve_gateway
from registry.calibration import Calibration, ClassCalibration, NumberCalibration
from registry.card import ModelCard
from schemas.domain import load_domain
from schemas.rows import Matrix
from schemas.settings import Settings
from schemas.stamp import Stamp
from service.application import bind
from tests.consumer.harness import ROW, PlainScorer, settings_for
from tests.waiting import wait_until
from transport.connection import connect, connect_async

OBESITY = load_domain("obesity")


class FirstClassScorer:
    """Finds the first class most probable."""

    calibration: Calibration | None = ClassCalibration(
        0.9, 500, [0.6, 0.05, *[0.2] * (len(OBESITY.target.classes) - 2)]
    )

    @property
    def card(self) -> ModelCard:
        """Not available: no test reads it."""
        raise NotImplementedError

    def score(self, matrix: Matrix, /) -> NDArray[np.float64]:
        """Probabilities (n, classes)."""
        shares = np.full(len(OBESITY.target.classes), 0.5 / (len(OBESITY.target.classes) - 1))
        shares[0] = 0.5
        return np.tile(shares, (len(matrix), 1))


@dataclass(frozen=True)
class HttpReply:
    """An answer of the gateway."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass
class HttpClient:
    """Calls one gateway, each time on a connection of its own; over TLS if there is a context."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None

    @property
    def url(self) -> str:
        """The gateway's address."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def call(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> HttpReply:
        """Send a request; a body that is not bytes is sent as JSON."""
        host = "127.0.0.1"
        connection = (
            HTTPSConnection(host, self.port, timeout=60, context=self.tls)
            if self.tls
            else HTTPConnection(host, self.port, timeout=60)
        )
        sent = self.headers | ({} if headers is None else dict(headers))
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent = {"Content-Type": "application/json"} | sent
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return HttpReply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> HttpReply:
        """Send a GET."""
        return self.call("GET", path, None, headers)

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> HttpReply:
        """Send a POST with a body of JSON."""
        return self.call("POST", path, body, headers)


def gateway_settings(redis_url: str, prefix: str, domain: str = "housing", **changes: Any) -> Settings:
    """Settings of one domain, with short intervals; obesity has a prefix of its own."""
    own = prefix if domain == "housing" else f"{prefix}-{domain}"
    return settings_for(own, domain=domain, redis_url=SecretStr(redis_url), **changes)


def timed(client: HttpClient, body: object = ROW) -> tuple[HttpReply, float]:
    """The answer to a prediction, and the seconds it took."""
    started_s = time.monotonic()
    return client.post("/predict", body), time.monotonic() - started_s


@asynccontextmanager
async def _consuming(url: str, settings: Settings) -> Any:
    domain = settings.load_domain()
    client, searcher = connect_async(url), connect(url)
    consumer = Consumer(client, searcher, domain, settings, "a", 0)
    low, high = np.full(len(domain.columns), -np.inf), np.full(len(domain.columns), np.inf)
    scorer = PlainScorer() if domain.name == "housing" else FirstClassScorer()
    if isinstance(scorer, PlainScorer):
        scorer.calibration = NumberCalibration(0.9, 500, [], [-2.0], [3.0])
    consumer.follower.model = ServedModel(scorer, Stamp("1", "1-0"), low, high)
    consumer.health.clear("model")
    with pytest.MonkeyPatch.context() as patched:
        # other tests change folder and environment meanwhile, which would look like a change of params.yaml
        patched.setattr("consumer.consumer.WATCH_S", 3600.0)
        task = asyncio.create_task(consumer.run())
        try:
            yield
        finally:
            consumer.stop()
            await asyncio.wait_for(task, 60)
        await client.aclose()
        searcher.close()


@contextmanager
def consuming(redis_url: str, *settings: Settings) -> Iterator[None]:
    """Run a consumer of each domain in a thread, with plain models."""
    stop, started = threading.Event(), threading.Event()

    async def run() -> None:
        async with AsyncExitStack() as stack:
            for each in settings:
                await stack.enter_async_context(_consuming(redis_url, each))
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert started.wait(120)
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


@contextmanager
def serving(
    settings: Sequence[Settings], *, is_scoring: bool = True, tls: ssl.SSLContext | None = None
) -> Iterator[HttpClient]:
    """Run a gateway in a thread; `is_scoring`: wait until it has seen the consumers of all domains."""
    listener = bind(0, settings[0].host)
    port = listener.getsockname()[1]
    app = build_gateway(settings, "g1", port)
    thread = threading.Thread(target=lambda: serve_gateway(app, listener, settings[0].gateway), daemon=True)
    thread.start()
    client = HttpClient(port, tls=tls)
    try:
        wait_until(lambda: _is_up(client), 20, "the gateway is ready")
        if is_scoring:
            wait_until(lambda: client.get("/v2/health/ready").status == 200, 20, "it sees consumers")
        yield client
    finally:
        assert app.server is not None
        app.server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
        assert app.failure is None


def answered(client: HttpClient, path: str, body: object = None, status: int = 200) -> HttpReply:
    """Send a request until it is answered with a status; returns that answer."""
    last: list[HttpReply] = []

    def is_answered() -> bool:
        last[:] = [client.get(path) if body is None else client.post(path, body)]
        return last[0].status == status

    wait_until(is_answered, 30, f"{path} is answered with {status}")
    return last[0]


def _is_up(client: HttpClient) -> bool:
    try:
        return client.get("/readyz").status == 200
    except ConnectionError:
        return False
