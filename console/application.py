"""The application of a console: probes, login and NiceGUI's pages, behind the guard of its site."""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

import uvicorn
from fastapi import FastAPI
from fastapi.responses import Response
from prometheus_client import CollectorRegistry
from starlette.routing import Route

from console.console import Console
from console.login import login_routes
from console.site_guard import SiteGuard
from schemas.errors import TasadorError
from schemas.settings import Settings
from service.endpoints import probe_routes
from service.web_life import WebLife

logger = logging.getLogger(__name__)


class ConsoleApp:
    """The application of one console. NiceGUI keeps its state in the process, which therefore has one console.

    Args:
        console: what is shown.
        life: of the process.
        settings: of the first domain.
        registry: its metrics.
    """

    server: uvicorn.Server | None = None
    failure: BaseException | None = None

    def __init__(self, console: Console, life: WebLife, settings: Settings, registry: CollectorRegistry) -> None:
        self._life = life
        app = FastAPI(openapi_url=None, lifespan=lambda _: self._living())
        app.router.routes += [Route(path, endpoint) for path, endpoint in probe_routes(life.health, registry)]
        app.include_router(login_routes(console), prefix=console.path)
        app.add_api_route(f"{console.path}/console.css", _style, methods=["GET"])
        _mount_pages(app, console, settings)
        self._guarded = SiteGuard(app, settings.console)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request or connection."""
        await self._guarded(scope, receive, send)

    def fail(self, error: BaseException) -> None:
        """End the server, and let `serve` raise this error; the first one counts."""
        if not isinstance(error, TasadorError):
            logger.critical("unexpected error, stopping", exc_info=error)
        self.failure = self.failure or error
        if self.server is not None:
            self.server.should_exit = True

    @asynccontextmanager
    async def _living(self) -> AsyncGenerator[None]:
        await self._life.start(self.fail)
        try:
            yield
        finally:
            await self._life.stop()


def style() -> str:
    """The style sheet of all pages."""
    return files("console").joinpath("console.css").read_text(encoding="utf-8")


def _style() -> Response:
    return Response(style(), media_type="text/css", headers={"Cache-Control": "no-cache"})


def _mount_pages(app: FastAPI, console: Console, settings: Settings) -> None:
    # read when nicegui is imported; nothing is stored there, since sessions are in memory
    os.environ.setdefault("NICEGUI_STORAGE_PATH", str(settings.home / "nicegui"))
    from nicegui import core, ui

    from console.pages.site import register_pages

    register_pages(console)
    core.app.config.socket_io_js_transports = ["websocket"]
    ui.run_with(
        app,
        title="Tasador",
        dark=None,
        language="en-US",
        favicon="🏠",
        binding_refresh_interval=None,
        reconnect_timeout=10,
        message_history_length=100,
        mount_path=console.path or "/",
        gzip_middleware_factory=None,
        tailwind=False,
        show_welcome_message=False,
    )
