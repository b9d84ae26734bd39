"""The HTTP endpoints of a process: `/livez`, `/readyz`, `/metrics` and the AsyncAPI page.

Any client that reaches the port may call them: every endpoint only reads, answers GET and HEAD alone, and is listed in
`ENDPOINTS`.
"""

from __future__ import annotations

from faststream.asgi import AsgiResponse, get
from faststream.asgi.response import JSONResponse
from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from faststream.specification.base import SpecificationFactory
from prometheus_client import CollectorRegistry, make_asgi_app

from service.asyncapi_page.serving import PAGE_PATHS, page_routes
from service.health import Health

PROBES = ("/livez", "/readyz", "/metrics")
ENDPOINTS = (*PROBES, *PAGE_PATHS)
"""Paths that every process answers; docs/deployment.md describes each, and those of one process."""


def routes(
    health: Health, registry: CollectorRegistry, specification: SpecificationFactory
) -> list[tuple[str, ASGIApp]]:
    """Routes for `asgi_routes` of an application, one for each of `ENDPOINTS`."""
    return [*probe_routes(health, registry), *page_routes(specification)]


def probe_routes(health: Health, registry: CollectorRegistry) -> list[tuple[str, ASGIApp]]:
    """The routes of `PROBES`, which say nothing about listings."""

    @get(include_in_schema=False)
    async def livez(scope: Scope) -> AsgiResponse:  # noqa: ARG001
        return JSONResponse({"live": health.is_living}, 200 if health.is_living else 503)

    @get(include_in_schema=False)
    async def readyz(scope: Scope) -> AsgiResponse:  # noqa: ARG001
        body = {"ready": health.is_ready, "reasons": health.reasons}
        return JSONResponse(body, 200 if health.is_ready else 503)

    return [("/livez", livez), ("/readyz", readyz), ("/metrics", _ReadOnly(make_asgi_app(registry)))]


class _ReadOnly:
    """An application for GET and HEAD only; that of prometheus_client answers every method.

    Args:
        app: that answers these two.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["method"] in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
        else:
            await AsgiResponse(b"Method Not Allowed", 405, {"Allow": "GET, HEAD"})(scope, receive, send)
