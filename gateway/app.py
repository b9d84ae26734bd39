"""The process of a gateway: checks the start, and serves the application on its port."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.application import GatewayApp
from gateway.lifecycle import gateway_life
from gateway.metrics import GatewayMetrics
from gateway.rights import check_rights
from gateway.served_domain import ServedDomain
from gateway.server import check_certificate, serve_gateway
from operations.keys import list_keys
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from service import logs
from service.application import bind, required_redis_url
from service.collector import calm_collector
from service.loopback import is_loopback
from service.metrics import build_registry
from service.tracing import open_tracing
from transport.connection import connect, speaking_to
from transport.server import check_server


def run_gateway(settings: Sequence[Settings], name: str, port: int) -> None:
    """Serve domains over HTTP until SIGTERM or SIGINT.

    Args:
        settings: of each domain; the first one is also served without its name in the path.
        name: of this gateway; must be unique in the domains.
        port: for everything; 0 picks a free one.

    Raises:
        ConfigurationError: a setting, the server or the port cannot be used, or there is no key and the host is not
            loopback.
        RedisUnavailableError: Redis does not answer at start.
    """
    first = settings[0]
    logs.configure(first)
    check_certificate(first.gateway)
    for each in settings:
        check_start(each)
    listener = bind(port, first.host)
    logs.log_settings(first)
    app = build_gateway(settings, name, listener.getsockname()[1])
    calm_collector()
    serve_gateway(app, listener, first.gateway)


def build_gateway(
    settings: Sequence[Settings],
    name: str,
    port: int,
) -> GatewayApp:
    """The application of one gateway."""
    registry = build_registry()
    metrics = GatewayMetrics(registry)
    is_on_loopback = is_loopback(settings[0].host)
    domains = {each.domain: ServedDomain.open(each, metrics, is_on_loopback=is_on_loopback) for each in settings}
    return GatewayApp(domains, gateway_life(domains, name, port), registry, open_tracing(settings[0], "gateway", name))


def check_start(settings: Settings) -> None:
    """Check the server, and that there is a key unless the gateway listens on loopback alone.

    Raises:
        ConfigurationError: as `run_gateway`.
        RedisUnavailableError: as `run_gateway`.
    """
    url = required_redis_url(settings)
    with speaking_to(url), connect(url) as client:
        check_server(client, settings.streams)
        check_rights(client, settings.streams)
        has_keys = bool(list_keys(client, settings.streams))
    if not has_keys and not is_loopback(settings.host):
        raise ConfigurationError(
            f"without an API key the gateway listens on loopback alone, not on {settings.host}: "
            f"make one with `tasador keys add NAME --domain {settings.domain}`, or set TASADOR_HOST=127.0.0.1"
        )
