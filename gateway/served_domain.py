"""What a gateway has of each domain that it serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import redis
import redis.asyncio

from gateway.answers import AnswerBuilder
from gateway.availability import Availability
from gateway.gate import RequestGate
from gateway.metrics import DomainMetrics, GatewayMetrics
from gateway.request_limit import RequestLimit
from gateway.shapes import ListingShapes
from operations.keys import KeyRing
from producer import AsyncListingPublisher
from schemas.domain import Domain
from schemas.settings import Settings
from schemas.streams import Streams
from service.application import required_redis_url
from transport.connection import connect, connect_async


@dataclass(frozen=True, slots=True)
class ServedDomain:
    """One domain of a gateway.

    Attributes:
        settings: of the domain.
        domain: its declaration.
        client: for everything but publishing; replies are bytes.
        operations_client: for what operators' libraries read, in threads.
        publisher: publishes listings, and waits for their answers.
        keys: the API keys.
        gate: admits requests.
        availability: whether listings can be scored.
        shapes: reads listings from bodies.
        answers: builds answers.
        metrics: of its requests.
    """

    settings: Settings
    domain: Domain
    client: redis.asyncio.Redis
    operations_client: redis.Redis
    publisher: AsyncListingPublisher
    keys: KeyRing
    gate: RequestGate
    availability: Availability
    shapes: ListingShapes
    answers: AnswerBuilder
    metrics: DomainMetrics

    @classmethod
    def open(cls, settings: Settings, metrics: GatewayMetrics, *, is_on_loopback: bool) -> Self:
        """Build it; its connections are opened when they are used.

        Raises:
            ConfigurationError: the domain or the address of Redis cannot be used.
        """
        url = required_redis_url(settings)
        domain, streams = settings.load_domain(), settings.streams
        client = connect_async(url)
        keys = KeyRing(client, streams, is_on_loopback=is_on_loopback)
        return cls(
            settings=settings,
            domain=domain,
            client=client,
            operations_client=connect(url),
            publisher=AsyncListingPublisher(settings, on_full="raise"),
            keys=keys,
            gate=RequestGate(keys, RequestLimit(client, streams, settings.gateway.requests_per_minute)),
            availability=Availability(client, streams, settings.heartbeat_s),
            shapes=ListingShapes(domain, settings.limits, settings.gateway.max_batch),
            answers=AnswerBuilder(domain),
            metrics=metrics.of_domain(domain.name),
        )

    @property
    def streams(self) -> Streams:
        """The domain's keys."""
        return self.settings.streams

    async def aclose(self) -> None:
        """Close all connections."""
        await self.publisher.aclose()
        await self.client.aclose()
        self.operations_client.close()
