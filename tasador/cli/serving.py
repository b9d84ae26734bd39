"""Which versions count, for commands that work without Redis too."""

from __future__ import annotations

from collections.abc import Sequence

from operations.serving import Serving, read_serving
from schemas.errors import ConfigurationError, RedisUnavailableError
from schemas.settings import Settings
from schemas.streams import Streams
from tasador.cli.terminal import print_note
from tasador.machine.running_system import find_settings, open_redis


def find_serving(settings: Settings) -> Serving | None:
    """Which versions of the domain count; None if no Redis is set, or it does not answer."""
    return find_servings(settings, [settings.domain]).get(settings.domain)


def find_servings(settings: Settings, domains: Sequence[str]) -> dict[str, Serving]:
    """Which versions of each domain count; empty if no Redis is set, or it does not answer."""
    try:
        connected = find_settings(settings.domain)
    except ConfigurationError:
        return {}
    try:
        with open_redis(connected) as client:
            return {domain: read_serving(client, Streams(settings.prefix or domain)) for domain in domains}
    except RedisUnavailableError as error:
        print_note(f"what is desired and active is not known: {error}")
        return {}
