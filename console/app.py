"""The process of a console: checks the start, and serves the application on its port."""

from __future__ import annotations

from collections.abc import Sequence

from console.application import ConsoleApp
from console.console import Console
from console.lifecycle import console_life
from console.rights import check_rights
from console.shown_domain import ShownDomain
from operations.keys import list_keys
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from service import logs
from service.application import bind, required_redis_url, serve
from service.loopback import is_loopback
from service.metrics import build_registry
from transport.connection import connect, speaking_to
from transport.server import check_server

_KEEP_ALIVE_S = 60


def run_console(settings: Sequence[Settings], name: str, port: int) -> None:
    """Serve the web page of domains until SIGTERM or SIGINT.

    Args:
        settings: of each domain; the first one is shown first.
        name: of this console; must be unique in the domains.
        port: where it listens; 0 picks a free one.

    Raises:
        ConfigurationError: a setting, the server or the port cannot be used, or there is no key and the host is not
            loopback.
        RedisUnavailableError: Redis does not answer at start.
    """
    first = settings[0]
    logs.configure(first)
    for each in settings:
        check_start(each)
    listener = bind(port, first.host)
    logs.log_settings(first)
    app = build_console(settings, name, listener.getsockname()[1])
    serve(
        app,
        listener,
        http="httptools",
        ws="websockets-sansio",
        timeout_keep_alive=_KEEP_ALIVE_S,
        server_header=False,
        proxy_headers=False,
    )


def build_console(settings: Sequence[Settings], name: str, port: int) -> ConsoleApp:
    """The application of one console; a process has one."""
    domains = {each.domain: ShownDomain.open(each) for each in settings}
    return ConsoleApp(Console(domains), console_life(domains, name, port), settings[0], build_registry())


def check_start(settings: Settings) -> None:
    """Check the server, and that there is a key unless the console listens on loopback alone.

    Raises:
        ConfigurationError: as `run_console`.
        RedisUnavailableError: as `run_console`.
    """
    url = required_redis_url(settings)
    with speaking_to(url), connect(url) as client:
        check_server(client, settings.streams)
        check_rights(client, settings.streams)
        has_keys = bool(list_keys(client, settings.streams))
    if not has_keys and not is_loopback(settings.host):
        raise ConfigurationError(
            f"without an API key the console listens on loopback alone, not on {settings.host}: make one with "
            f"`tasador keys add NAME --role operator --domain {settings.domain}`, or set TASADOR_HOST=127.0.0.1"
        )
