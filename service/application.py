"""A process of the product: a FastStream application with HTTP endpoints, served until it is stopped.

The socket is bound before the application is built, so that the process knows its port (0 picks a free one) and a port
in use stops the start. The application runs in uvicorn: SIGTERM and SIGINT end it through FastStream's shutdown with
exit code 0, and `ServedApp.fail` ends it the same way with an error.
"""

from __future__ import annotations

import errno
import logging
import signal
import socket
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from types import FrameType
from typing import Any, Protocol, TypeVar

import uvicorn
from faststream.asgi import AsgiFastStream
from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from faststream.redis import RedisBroker
from faststream.specification import AsyncAPI
from prometheus_client import CollectorRegistry

from schemas.errors import ConfigurationError, PortInUseError, TasadorError
from schemas.settings import Settings
from service.asyncapi import name_server
from service.endpoints import routes
from service.health import Health

logger = logging.getLogger(__name__)

CLOSE_TIMEOUT_S = 5


def required_redis_url(settings: Settings) -> str:
    """The Redis URL of the settings.

    Raises:
        ConfigurationError: there is none.
    """
    if settings.redis_url is None:
        raise ConfigurationError("no Redis: set TASADOR_REDIS_URL")
    return settings.redis_url.get_secret_value()


class Servable(Protocol):
    """An ASGI application that `serve` runs.

    Attributes:
        server: set while it is served; the application ends it to stop.
        failure: why it ended itself.
    """

    server: uvicorn.Server | None
    failure: BaseException | None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""


class ServedApp(AsgiFastStream):
    """A FastStream application that can end its own server, which `AsgiFastStream.exit` cannot."""

    server: uvicorn.Server | None = None
    failure: BaseException | None = None

    def exit(self) -> None:
        """End the server through the application's shutdown."""
        if self.server is not None:
            self.server.should_exit = True

    def fail(self, error: BaseException) -> None:
        """End the server as `exit` does, and let `serve` raise this error; the first one counts."""
        if not isinstance(error, TasadorError):
            logger.critical("unexpected error, stopping", exc_info=error)
        self._end_with(error)

    @asynccontextmanager
    async def start_lifespan_context(self, run_extra_options: dict[str, Any] | None = None) -> AsyncGenerator[None]:
        """As the base class, but an error ends the server, which would stay up without what it serves.

        The broker and the hooks after it start after the server reports that startup succeeded.
        """
        try:
            async with super().start_lifespan_context(run_extra_options):
                yield
        except Exception as error:
            self._end_with(error)
            raise

    def _end_with(self, error: BaseException) -> None:
        self.failure = self.failure or error
        self.exit()

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As the base class, without the stack trace of an error that is one readable line."""

        async def send_short(message: Any) -> None:
            if isinstance(self.failure, TasadorError) and "message" in message:
                message["message"] = ""
            await send(message)

        await super().lifespan(scope, receive, send_short)


App = TypeVar("App", bound=ServedApp)


def build_app(
    kind: type[App],
    broker: RedisBroker,
    health: Health,
    registry: CollectorRegistry,
    specification: AsyncAPI,
    own_routes: Sequence[tuple[str, ASGIApp]] = (),
) -> App:
    """The application of a process, with all of `service.endpoints` and the process's own routes."""
    name_server(specification, broker)
    endpoints = [*routes(health, registry, specification), *own_routes]
    app = kind(broker, asgi_routes=endpoints, logger=logging.getLogger("faststream"))
    # given as an argument, the description would get the process's own broker as a second server
    app.schema = specification
    return app


class _Server(uvicorn.Server):
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002
        # uvicorn raises the signal again when it has ended, but a requested stop must end with 0
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def bind(port: int, host: str) -> socket.socket:
    """A listening socket; with port 0 the system picks one, found in ``getsockname()[1]``.

    Raises:
        PortInUseError: another program listens on the port.
        ConfigurationError: the port or the host is not permitted.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        # two sockets can bind one port as long as neither listens
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            raise PortInUseError(f"port {port} on {host} is in use: choose another, or 0 for a free one") from error
        raise ConfigurationError(f"cannot listen on port {port} of {host}: {error}") from error
    return listener


def serve(app: Servable, listener: socket.socket, **options: Any) -> None:
    """Run the application on the socket until it is stopped; returns after a clean stop.

    `options` are uvicorn's own. Signals are seen only once the start hooks have returned, so these must not wait for
    anything that may never come.

    Raises:
        TasadorError: the application failed with it.
        SystemExit: the application failed otherwise, and the stack trace is in the log.
    """
    config = uvicorn.Config(
        app,
        lifespan="on",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=CLOSE_TIMEOUT_S,
        **{"http": "h11", "ws": "none", **options},
    )
    app.server = _Server(config)
    host, port = listener.getsockname()[:2]
    logger.info("listening", extra={"host": host, "port": port})
    try:
        app.server.run(sockets=[listener])
    except SystemExit:
        _raise_failure(app)
        raise
    _raise_failure(app)


def _raise_failure(app: Servable) -> None:
    if isinstance(app.failure, TasadorError):
        raise app.failure
    if app.failure is not None:
        raise SystemExit(1) from app.failure
