"""The publisher for synchronous programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Self

import redis.exceptions

from producer.asker import Asker
from producer.backpressure import CHECK_INTERVAL_S, OnFull
from producer.chunks import CHUNK_LISTINGS, Chunker
from producer.encoding import Publishable
from producer.plan import plan_publishing
from producer.reconnection import Reconnection
from producer.sending import send_parts
from producer.wire import failure
from schemas.errors import ConfigurationError, PublishError
from schemas.events import DeadLetter, Prediction, Repeat
from schemas.settings import Settings
from transport.connection import connect
from transport.shards import read_hold


class ListingPublisher:
    """Publishes listings of one domain; use it in a `with` block, one for each thread. Only `ask` may be shared.

    A listing is a `Listing`, a mapping with a whole event, or an event's JSON as bytes. Entry ids are returned in the
    order of the listings, so the ids received so far always belong to the first listings of a call. If the domain has
    several shards, the id of an entry that is not in the first ends in its shard, as in ``1795219101518-0@2``.

    Args:
        redis: the URL of Redis, or settings with `redis_url`. With a URL, other settings (`prefix`, `high_water`) come
            from the environment, and from params.yaml only if TASADOR_PARAMS names it.
        domain: of the listings; by default that of the settings, which is `housing`.
        validate: check each listing against the domain before its chunk is sent, as the consumer does.
        on_full: at the high-water mark of the backlog, `wait` until it falls or `raise` BacklogFullError.
        on_wait: called with the backlog about ten times a second while waiting.
        reconnection: goes on after a lost connection; by default PublishInterruptedError is raised at once.

    Raises:
        ConfigurationError: the domain is not known, a setting is wrong, or the URL of Redis is missing.
    """

    def __init__(
        self,
        redis: str | Settings,
        domain: str | None = None,
        *,
        validate: bool = False,
        on_full: OnFull = "wait",
        on_wait: Callable[[int], None] | None = None,
        reconnection: Reconnection | None = None,
    ) -> None:
        self._plan = plan_publishing(redis, domain, validate=validate, on_full=on_full, on_wait=on_wait)
        self._client = connect(self._plan.url)
        self._reconnection = reconnection or Reconnection()
        self._asker = Asker(self._client, self._plan.streams, self._send_asking)

    def ask(self, listing: Publishable, timeout_s: float = 30.0) -> Prediction | DeadLetter | Repeat:
        """Publish one listing, and wait for its answer.

        A listing that was predicted shortly before, such as one that is asked for again after an error, gets a `Repeat`
        that holds the first prediction, unless that was trimmed. The timeout begins when the listing is published.

        Raises:
            NotAnsweredError: no answer came in time; the outcome will still come.
            RefusedListingError: as `publish`.
            PublishError: as `publish`.
        """
        (payload,) = Chunker(self._plan.decoder, 1).add(listing)
        try:
            return self._asker.ask(payload, timeout_s)
        except redis.exceptions.RedisError as error:
            raise failure(self._plan.url, error, unconfirmed=[payload]) from error

    def publish(self, listing: Publishable) -> str:
        """Publish one listing.

        Returns:
            Its entry id.

        Raises:
            RefusedListingError: it is not valid; nothing was sent.
            BacklogFullError: the backlog is full, and `on_full` is `raise`; nothing was sent.
            PublishInterruptedError: the connection broke; the listing may or may not have arrived.
            PublishError: Redis rejected it.
        """
        return self.publish_many([listing])[0]

    def publish_many(self, listings: Iterable[Publishable]) -> list[str]:
        """Publish listings, many in one round trip.

        Returns:
            Their entry ids, in order.

        Raises:
            RefusedListingError: one is not valid; its chunk was not sent, earlier chunks were.
            PublishError: as `publish`; `entry_ids` and `unconfirmed` hold the result so far.
        """
        entry_ids: list[str] = []
        try:
            for chunk in self.publish_chunks(listings):
                entry_ids += chunk
        except PublishError as error:
            error.entry_ids = (*entry_ids, *error.entry_ids)
            raise
        return entry_ids

    def publish_chunks(self, listings: Iterable[Publishable], chunk_size: int = CHUNK_LISTINGS) -> Iterator[list[str]]:
        """Publish listings while the result is iterated, holding one chunk in memory.

        Args:
            listings: a chunk is sent as soon as its last listing has been read.
            chunk_size: listings of a chunk.

        Yields:
            The entry ids of each chunk.

        Raises:
            RefusedListingError: as `publish_many`.
            PublishError: as `publish`, about one chunk.
        """
        chunker = Chunker(self._plan.decoder, chunk_size)
        for listing in listings:
            if chunk := chunker.add(listing):
                yield self._send(chunk)
        if chunk := chunker.rest():
            yield self._send(chunk)

    def close(self) -> None:
        """Close the connections."""
        self._asker.close()
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send_asking(self, payload: bytes, reply_to: str) -> str:
        return self._send_once([payload], reply_to)[0]

    def _send(self, chunk: list[bytes]) -> list[str]:
        return self._reconnection.send(chunk, self._send_once)

    def _send_once(self, chunk: list[bytes], reply_to: str | None = None) -> list[str]:
        try:
            self._wait_to_send(chunk)
            if reply_to:
                self._asker.cover(self._plan.router.layout.count)
        except redis.exceptions.RedisError as error:
            raise failure(self._plan.url, error, unconfirmed=chunk) from error
        except ConfigurationError as error:
            raise PublishError(str(error), unconfirmed=chunk) from error
        try:
            return send_parts(self._client, self._plan.url, self._plan.router.split(chunk), reply_to)
        finally:
            self._plan.backpressure.record_sent(len(chunk))

    def _wait_to_send(self, chunk: list[bytes]) -> None:
        """Wait until the shards are known and no longer held, and the backlog is below the high-water mark."""
        backpressure, router = self._plan.backpressure, self._plan.router
        while router.is_due(now_s := time.monotonic()) or backpressure.is_check_due(now_s):
            if router.is_due(now_s):
                is_held, layout = read_hold(self._client, self._plan.streams)
                router.note(layout, is_held=is_held, asked_s=now_s)
            if router.is_held:
                backpressure.hold(chunk)
            elif not backpressure.is_check_due(now_s):
                return
            else:
                backlog = self._plan.backlogs.read(self._client, router.shards)
                if backpressure.admits(chunk, backlog, time.monotonic()):
                    return
            time.sleep(CHECK_INTERVAL_S)
