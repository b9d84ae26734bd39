"""Serves the AsyncAPI page of a process, its files and the document itself.

FastStream's own page loads script, style and icons from other hosts, and brings `POST .../try`, which publishes to
Redis for anyone who can reach the port. This page needs no other host, and can only read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import cache, partial
from importlib.resources import files

from faststream.asgi import AsgiResponse, get
from faststream.asgi.types import ASGIApp, Scope
from faststream.specification.base import SpecificationFactory

PAGE = "/docs/asyncapi"
DOCUMENT = f"{PAGE}.json"
_FILES = {
    PAGE: ("index.html", "text/html; charset=utf-8"),
    f"{PAGE}/start.js": ("start.js", "text/javascript; charset=utf-8"),
    f"{PAGE}/index.js": ("react-component/index.js", "text/javascript; charset=utf-8"),
    f"{PAGE}/default.min.css": ("react-component/default.min.css", "text/css; charset=utf-8"),
}
PAGE_PATHS = (DOCUMENT, *_FILES)
"""All paths of the page."""

_HEADERS = {
    # kept by the browser, which asks each time whether its copy is still good: a new release changes the ETag
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    # the script compiles JSON schemas to code; the icon is an empty data URL
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-eval'; img-src 'self' data:; object-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
}


def page_routes(specification: SpecificationFactory) -> list[tuple[str, ASGIApp]]:
    """Routes for `asgi_routes` of an application: the page, its files, and the document that it shows."""

    def document() -> bytes:
        return json.dumps(specification.to_specification().to_jsonable()).encode()

    page = [(path, _serve(partial(_read, name), kind)) for path, (name, kind) in _FILES.items()]
    return [(DOCUMENT, _serve(document, "application/json")), *page]


def _serve(load: Callable[[], bytes], content_type: str) -> ASGIApp:
    """A handler of GET and HEAD for content that is loaded at the first request and stays as it is."""

    @cache
    def content() -> tuple[bytes, str]:
        body = load()
        return body, f'"{hashlib.sha256(body).hexdigest()[:32]}"'

    @get(include_in_schema=False)
    async def answer(scope: Scope) -> AsgiResponse:
        body, etag = content()
        headers = {**_HEADERS, "Content-Type": content_type, "ETag": etag}
        if (b"if-none-match", etag.encode()) in scope["headers"]:
            return AsgiResponse(b"", 304, headers)
        return AsgiResponse(body, 200, headers)

    return answer


def _read(name: str) -> bytes:
    return files("service.asyncapi_page").joinpath(name).read_bytes()
