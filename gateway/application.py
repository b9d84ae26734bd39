"""The FastAPI application of a gateway, with the scoring routes in front of its router."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import uvicorn
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from starlette.types import Message, Receive, Scope, Send

from gateway.bodies import check_is_json, headers_of, read_body, respond_with
from gateway.errors import ERROR_HANDLERS
from gateway.inference.routes import InferenceRoutes
from gateway.openapi import complete
from gateway.pages.serving import page_router
from gateway.probes import probe_routes
from gateway.problems import HttpProblemError
from gateway.routes import DomainRoutes
from gateway.scoring import Scoring
from gateway.scoring_route import ScoringRoute
from gateway.served_domain import ServedDomain
from gateway.wire import Exchange
from schemas.errors import TasadorError
from service.tracing import NO_TRACING, Tracing
from service.web_life import WebLife

logger = logging.getLogger(__name__)

OPEN_PATHS = frozenset({"/livez", "/readyz", "/health", "/docs", "/redoc", "/openapi.json"})
"""Paths that take no key, each also under a domain's name: they say nothing about listings and change nothing."""
_OPEN_PREFIXES = ("/docs/", "/redoc/", "/v2/health/")


class GatewayApp(FastAPI):
    """The application of one gateway.

    Args:
        domains: the served domains by name; the first one is also served without its name in the path.
        life: of the gateway.
        registry: its metrics.
        tracing: makes the spans of requests.
    """

    server: uvicorn.Server | None = None
    failure: BaseException | None = None

    def __init__(
        self,
        domains: Mapping[str, ServedDomain],
        life: WebLife,
        registry: CollectorRegistry,
        tracing: Tracing = NO_TRACING,
    ) -> None:
        super().__init__(
            title="Tasador",
            version=version("tasador"),
            docs_url=None,
            redoc_url=None,
            lifespan=lambda _: self._living(),
            strict_content_type=False,
            exception_handlers=ERROR_HANDLERS,
            redirect_slashes=False,
        )
        self._life = life
        self._tracing = tracing
        self._domains = domains
        self._first = next(iter(domains.values()))
        self._scoring_routes: dict[str, ScoringRoute] = {}
        self.include_router(probe_routes(life.health), tags=["process"])
        self.include_router(InferenceRoutes(domains).router())
        self.include_router(page_router())
        for served in domains.values():
            for prefix in ("", f"/{served.domain.name}") if served is self._first else (f"/{served.domain.name}",):
                self._serve(served, prefix, registry)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await super().__call__(scope, receive, send)
        elif self._tracing.is_on:
            await self._trace(scope, receive, send)
        else:
            await self._answer(scope, receive, send)

    def take(self, exchange: Exchange) -> bool:
        """Answer a request without a task, if it is one for a single prediction; returns whether it is."""
        route = self._scoring_routes.get(exchange.scope["path"])
        return route is not None and not self._tracing.is_on and route.take(exchange)

    async def _trace(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request in a span of its own, if it is sampled."""
        method, path = scope["method"], scope["path"]
        # other paths hold ids, which would make as many names
        name = f"{method} {path}" if path in self._scoring_routes else method
        given = headers_of(scope).get(b"traceparent", b"").decode("latin-1")
        with self._tracing.request(name, given) as attributes:

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    attributes["http.response.status_code"] = message["status"]
                await send(message)

            attributes |= {"http.request.method": method, "url.path": path}
            await self._answer(scope, receive, noting)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (route := self._scoring_routes.get(scope["path"])) is not None:
            await route(scope, receive, send)
            return
        served = self._domain_of(scope["path"])
        status = 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            receive = await _admit(served, scope, receive)
        except HttpProblemError as refusal:
            await respond_with(counted, refusal)
        else:
            await super().__call__(scope, receive, counted)
        finally:
            served.metrics.record_request(status)

    def openapi(self) -> dict[str, Any]:
        """The document of all routes."""
        if self.openapi_schema is None:
            self.openapi_schema = complete(super().openapi(), self._domains.values())
        return self.openapi_schema

    def fail(self, error: BaseException) -> None:
        """End the server, and let `serve` raise this error; the first one counts."""
        if not isinstance(error, TasadorError):
            logger.critical("unexpected error, stopping", exc_info=error)
        self.failure = self.failure or error
        if self.server is not None:
            self.server.should_exit = True

    def _serve(self, served: ServedDomain, prefix: str, registry: CollectorRegistry) -> None:
        scoring = Scoring(served)
        self._scoring_routes[f"{prefix}/predict"] = ScoringRoute(served, scoring, is_batch=False)
        self._scoring_routes[f"{prefix}/predict/batch"] = ScoringRoute(served, scoring, is_batch=True)
        self.include_router(DomainRoutes(served, registry).router(), prefix=prefix, tags=[served.domain.name])

    def _domain_of(self, path: str) -> ServedDomain:
        parts = path.split("/", 4)
        name = parts[3] if path.startswith("/v2/models/") and len(parts) > 3 else parts[1]  # noqa: PLR2004
        return self._domains.get(name, self._first)

    @asynccontextmanager
    async def _living(self) -> AsyncGenerator[None]:
        await self._life.start(self.fail)
        try:
            yield
        finally:
            await self._life.stop()
            await self._tracing.aclose()


async def _admit(served: ServedDomain, scope: Scope, receive: Receive) -> Receive:
    """Admit a request, and read its body within the limits; returns what FastAPI reads it from.

    Raises:
        HttpProblemError: the request is refused.
    """
    path = scope["path"].removeprefix(f"/{served.domain.name}")
    if path in OPEN_PATHS or path.startswith(_OPEN_PREFIXES):
        return receive
    headers = headers_of(scope)
    scope["state"]["caller"] = await served.gate.admit(headers)
    if b"content-length" not in headers and b"transfer-encoding" not in headers:
        return receive
    gateway = served.settings.gateway
    body = await read_body(receive, headers, gateway.max_body_bytes, gateway.request_timeout_s)
    if body and not scope["path"].startswith("/v2/"):  # tensors may be binary
        check_is_json(headers)
    message: Any = {"type": "http.request", "body": body, "more_body": False}
    messages = iter((message,))

    async def replay() -> Message:
        return next(messages, None) or await receive()

    return replay
