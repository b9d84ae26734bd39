"""The configuration that both publishers share: Redis, streams, validation and backpressure."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import SecretStr

from producer.backlogs import ShardBacklogs
from producer.backpressure import Backpressure, OnFull
from producer.routing import ShardRouter
from schemas.decoding import ListingDecoder
from schemas.errors import ConfigurationError
from schemas.settings import PARAMS_VARIABLE, Settings, load_settings
from schemas.streams import Streams
from transport.server import check_prefix


@dataclass(frozen=True, slots=True)
class PublishingPlan:
    """The configuration of a publisher, without a connection.

    Attributes:
        url: of Redis.
        streams: the domain's keys.
        router: knows the shards.
        backlogs: reads what is waiting in the shards.
        backpressure: holds back at the high-water mark.
        decoder: validates before sending; None leaves validation to the consumer.
    """

    url: str = field(repr=False)
    streams: Streams
    router: ShardRouter
    backlogs: ShardBacklogs
    backpressure: Backpressure
    decoder: ListingDecoder | None


def plan_publishing(
    redis: str | Settings,
    domain: str | None,
    *,
    validate: bool,
    on_full: OnFull,
    on_wait: Callable[[int], None] | None,
) -> PublishingPlan:
    """Build the plan from a publisher's arguments.

    Raises:
        ConfigurationError: the domain is not known, a setting is wrong, or the URL of Redis is missing.
    """
    settings = settings_of(redis, domain)
    if settings.redis_url is None:
        raise ConfigurationError("no Redis: pass its URL, or settings with `redis_url`")
    url = settings.redis_url.get_secret_value()
    check_prefix(url, settings.streams)
    return PublishingPlan(
        url,
        settings.streams,
        ShardRouter(settings.streams),
        ShardBacklogs(),
        Backpressure(settings.high_water, on_full, on_wait),
        ListingDecoder(settings.load_domain(), settings.limits, may_lack=settings.features.is_on) if validate else None,
    )


def settings_of(redis: str | Settings, domain: str | None) -> Settings:
    """The settings of a client that was given the URL of Redis, or settings.

    Raises:
        ConfigurationError: the domain is not known, or a setting is wrong.
    """
    if isinstance(redis, Settings):
        return redis if domain is None else redis.for_domain(domain)
    # a params.yaml in a client's folder may belong to the client, so only a named one is read
    params = Path(os.environ.get(PARAMS_VARIABLE, os.devnull))
    return load_settings(params, redis_url=SecretStr(redis), domain=domain)
