"""Serves the documentation pages and their files from the package: no page loads anything from another host."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Request, Response

_HTML, _SCRIPT, _STYLE = "text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8"
FILES = {
    "/docs": ("docs.html", _HTML),
    "/docs/start.js": ("docs.js", _SCRIPT),
    "/docs/swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", _SCRIPT),
    "/docs/swagger-ui.css": ("swagger-ui/swagger-ui.css", _STYLE),
    "/redoc": ("redoc.html", _HTML),
    "/redoc/start.js": ("redoc.js", _SCRIPT),
    "/redoc/redoc.standalone.js": ("redoc/redoc.standalone.js", _SCRIPT),
}
"""Path -> file and media type."""

_HEADERS = {
    # kept by the browser, which asks each time whether its copy is still good: a new release changes the ETag
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    # both scripts write styles into the page; ReDoc searches in a worker that it makes itself
    "Content-Security-Policy": (
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


def page_router() -> APIRouter:
    """The router of the pages and their files."""
    router = APIRouter(include_in_schema=False)
    for path, (name, kind) in FILES.items():
        router.add_api_route(path, _serve(name, kind), methods=["GET", "HEAD"])
    return router


def _serve(name: str, kind: str) -> Callable[[Request], Response]:
    @cache
    def content() -> tuple[bytes, str]:
        body = files("gateway.pages").joinpath(name).read_bytes()
        return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    def answer(request: Request) -> Response:
        body, etag = content()
        headers = {**_HEADERS, "Content-Type": kind, "ETag": etag}
        if request.headers.get("if-none-match") == etag:
            return Response(b"", 304, headers)
        return Response(body, 200, headers)

    return answer
