"""What a console has of each domain that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import redis
import redis.asyncio

from console.actions import CommandDesk
from console.catalogue import ModelCatalogue
from console.letter_box import LetterBox
from console.watch import DomainWatch
from operations.command_sender import CommandSender
from operations.keys import KeyRing
from schemas.domain import Domain
from schemas.settings import Settings
from schemas.streams import Streams
from service.application import required_redis_url
from transport.connection import connect, connect_async


@dataclass(frozen=True, slots=True)
class ShownDomain:
    """One domain of a console.

    Attributes:
        settings: of the domain.
        domain: its declaration.
        client: of the process's tasks; replies are bytes.
        operations_client: for operators' libraries, in threads.
        keys: the API keys.
        watch: reads its state.
        catalogue: reads its versions.
        desk: sends its commands.
        letters: its dead letters.
    """

    settings: Settings
    domain: Domain
    client: redis.asyncio.Redis
    operations_client: redis.Redis
    keys: KeyRing
    watch: DomainWatch
    catalogue: ModelCatalogue
    desk: CommandDesk
    letters: LetterBox

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Build it; its connections are opened when they are used.

        Raises:
            ConfigurationError: the domain or the address of Redis cannot be used.
        """
        url = required_redis_url(settings)
        domain, client, operations_client = settings.load_domain(), connect_async(url), connect(url)
        return cls(
            settings=settings,
            domain=domain,
            client=client,
            operations_client=operations_client,
            keys=KeyRing(client, settings.streams, is_on_loopback=False),
            watch=DomainWatch(operations_client, settings, domain),
            catalogue=ModelCatalogue(settings),
            desk=CommandDesk(CommandSender(operations_client, settings.streams, domain.name)),
            letters=LetterBox(operations_client, settings, domain),
        )

    @property
    def streams(self) -> Streams:
        """The domain's keys."""
        return self.settings.streams

    async def aclose(self) -> None:
        """Close all connections."""
        await self.client.aclose()
        self.operations_client.close()
