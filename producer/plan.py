"""What a publisher is to do: where the stream is, what is checked, when to hold back. Both publishers share it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from producer.backpressure import Backpressure, OnFull
from producer.chunks import Chunker
from schemas.decoding import ListingDecoder
from schemas.errors import ConfigurationError
from schemas.settings import PARAMS_VARIABLE, Settings, load_settings
from schemas.streams import Streams


@dataclass(frozen=True, slots=True)
class PublishingPlan:
    """Everything about publishing that needs no connection.

    Attributes:
        url: of the Redis.
        streams: the domain's keys.
        gate: holds back at the high-water mark.
        decoder: validates before sending; None where the consumer alone validates.
    """

    url: str = field(repr=False)
    streams: Streams
    gate: Backpressure
    decoder: ListingDecoder | None

    def chunker(self) -> Chunker:
        """A chunker for one call."""
        return Chunker(self.decoder)


def plan_publishing(
    redis: str | Settings,
    domain: str | None,
    *,
    validate: bool,
    on_full: OnFull,
    on_wait: Callable[[int], None] | None,
) -> PublishingPlan:
    """Settle how to publish.

    Raises:
        ConfigurationError: the domain is not known, a setting is wrong, or no Redis is named.
    """
    settings = _settings_of(redis, domain)
    if settings.redis_url is None:
        raise ConfigurationError("no Redis: give a publisher its URL, or settings with `redis_url`")
    return PublishingPlan(
        settings.redis_url.get_secret_value(),
        settings.streams,
        Backpressure(settings.high_water, on_full, on_wait),
        ListingDecoder(settings.load_domain(), settings.limits) if validate else None,
    )


def _settings_of(redis: str | Settings, domain: str | None) -> Settings:
    if isinstance(redis, Settings):
        return redis if domain is None else redis.for_domain(domain)
    # a params.yaml in the folder of a client program is the program's own, unless it is named
    params = Path(os.environ.get(PARAMS_VARIABLE, os.devnull))
    return load_settings(params, redis_url=SecretStr(redis), domain=domain)
