"""Whether domains can share one Redis, and whether it can serve them."""

from __future__ import annotations

from collections.abc import Sequence

from schemas.errors import ConfigurationError
from schemas.settings import Settings
from tasador.machine.running_system import open_redis
from transport.server import check_server


def check_prefix(settings: Settings, domains: Sequence[str]) -> None:
    """Check that each domain has keys of its own.

    Raises:
        ConfigurationError: one prefix is set for several domains.
    """
    if settings.prefix and len(domains) > 1:
        raise ConfigurationError(f"TASADOR_PREFIX works for one domain, not for {len(domains)}: unset it")


def check_servers(settings: Settings, domains: Sequence[str]) -> None:
    """Check that the Redis of the settings can serve these domains.

    Raises:
        ServerError: it cannot.
        RedisUnavailableError: it does not answer.
    """
    with open_redis(settings) as client:
        for domain in domains:
            # not `for_domain`: a domain may have come to params.yaml since
            check_server(client, settings.model_copy(update={"domain": domain}).streams)
