"""The publisher for programs that wait for each other: plain calls over one connection."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

import redis.exceptions

from producer.backpressure import ASK_S, OnFull
from producer.chunks import CHUNK_LISTINGS, Chunker
from producer.encoding import Publishable
from producer.plan import plan_publishing
from producer.sending import send_chunk
from producer.wire import failure
from schemas.errors import PublishError
from schemas.settings import Settings
from transport.backlog import read_backlog
from transport.connection import connect


class ListingPublisher:
    """Publishes listings of one domain; use it in a `with` block, one for each thread.

    A listing is a `Listing`, a mapping that holds a whole event, or an event's JSON as bytes. Entry ids come back in
    the order of the listings, so the ids received so far always belong to the first listings of a call.

    Args:
        redis: the URL of the Redis, or settings that name it. With a URL, what else matters (`prefix`, `high_water`)
            comes from the environment, and from params.yaml only where TASADOR_PARAMS names it.
        domain: whose listings these are; that of the settings by default, which is `housing`.
        validate: check each listing against the domain before its chunk is sent, as the consumer will.
        on_full: at the high-water mark of the backlog, `wait` until it falls or `raise` BacklogFullError.
        on_wait: called with the backlog about ten times a second while waiting.

    Raises:
        ConfigurationError: the domain is not known, a setting is wrong, or no Redis is named.
    """

    def __init__(
        self,
        redis: str | Settings,
        domain: str | None = None,
        *,
        validate: bool = False,
        on_full: OnFull = "wait",
        on_wait: Callable[[int], None] | None = None,
    ) -> None:
        self._plan = plan_publishing(redis, domain, validate=validate, on_full=on_full, on_wait=on_wait)
        self._client = connect(self._plan.url)

    def publish(self, listing: Publishable) -> str:
        """Publish one listing.

        Returns:
            Its entry id.

        Raises:
            RefusedListingError: it is not valid; nothing was sent.
            BacklogFullError: the backlog is full, and the publisher was asked to raise; nothing was sent.
            PublishInterruptedError: Redis went away; the listing may or may not have arrived.
            PublishError: Redis will not take it.
        """
        return self.publish_many([listing])[0]

    def publish_many(self, listings: Iterable[Publishable]) -> list[str]:
        """Publish listings, many in one round trip.

        Returns:
            Their entry ids, in order.

        Raises:
            RefusedListingError: one is not valid; its chunk was not sent, earlier ones were.
            PublishError: as `publish`; `entry_ids` and `unconfirmed` say how far it came.
        """
        entry_ids: list[str] = []
        try:
            for chunk in self.publish_chunks(listings):
                entry_ids += chunk
        except PublishError as error:
            error.entry_ids = (*entry_ids, *error.entry_ids)
            raise
        return entry_ids

    def publish_chunks(self, listings: Iterable[Publishable], together: int = CHUNK_LISTINGS) -> Iterator[list[str]]:
        """Publish listings while the result is iterated, in the memory of one chunk however many there are.

        Args:
            listings: what to publish; a chunk is sent as soon as its last listing has been given.
            together: how many listings make a chunk.

        Yields:
            The entry ids of each chunk.

        Raises:
            RefusedListingError: as `publish_many`.
            PublishError: as `publish`, about one chunk.
        """
        chunker = Chunker(self._plan.decoder, together)
        for listing in listings:
            if chunk := chunker.add(listing):
                yield self._send(chunk)
        if chunk := chunker.rest():
            yield self._send(chunk)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, chunk: list[bytes]) -> list[str]:
        try:
            self._wait_for_room(chunk)
        except redis.exceptions.RedisError as error:
            raise failure(self._plan.url, error, unconfirmed=chunk) from error
        try:
            return send_chunk(self._client, self._plan.url, self._plan.streams.listings, chunk)
        finally:
            self._plan.gate.passed(len(chunk))

    def _wait_for_room(self, chunk: list[bytes]) -> None:
        gate = self._plan.gate
        while gate.is_due(time.monotonic()):
            backlog = read_backlog(self._client, self._plan.streams).total
            if gate.admits(chunk, backlog, time.monotonic()):
                return
            time.sleep(ASK_S)
