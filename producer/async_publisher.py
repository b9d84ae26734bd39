"""The publisher for asyncio programs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from typing import Self

import redis.exceptions

from producer.async_asker import AsyncAsker
from producer.backpressure import CHECK_INTERVAL_S, OnFull
from producer.chunks import Chunker
from producer.encoding import Publishable
from producer.plan import plan_publishing
from producer.routing import ShardChunk, join_parts
from producer.wire import CONNECTION_ERRORS, confirm, entry_arguments, failure, pack, redirected
from schemas.errors import ConfigurationError, PublishError
from schemas.events import DeadLetter, Prediction, Repeat
from schemas.settings import Settings
from transport.bulk_replies import read_replies
from transport.connection import SOCKET_TIMEOUT_S, connect_async, note_failure, pool_of_async
from transport.shards import read_hold_async


class AsyncListingPublisher:
    """`ListingPublisher` with awaited calls; use it in an `async with` block.

    Tasks may share a publisher: each chunk is sent on its own connection.

    Args:
        redis: as for `ListingPublisher`, as are the others.
        domain: of the listings.
        validate: check each listing before its chunk is sent.
        on_full: at the high-water mark, `wait` or `raise`.
        on_wait: called with the backlog while waiting.

    Attributes:
        asker: publishes encoded events and waits for the JSON of their answers, for programs that pass both on.

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
    ) -> None:
        self._plan = plan_publishing(redis, domain, validate=validate, on_full=on_full, on_wait=on_wait)
        self._client = connect_async(self._plan.url)
        self.asker = AsyncAsker(self._client, self._plan.streams, self._send)

    async def aask(self, listing: Publishable, timeout_s: float = 30.0) -> Prediction | DeadLetter | Repeat:
        """Publish one listing, and wait for its answer, as `ListingPublisher.ask`.

        Raises:
            NotAnsweredError: as `ListingPublisher.ask`.
            RefusedListingError: as `ListingPublisher.ask`.
            PublishError: as `ListingPublisher.ask`.
        """
        (payload,) = Chunker(self._plan.decoder, 1).add(listing)
        try:
            return await self.asker.ask(payload, timeout_s)
        except redis.exceptions.RedisError as error:
            raise failure(self._plan.url, error, unconfirmed=[payload]) from error

    async def publish(self, listing: Publishable) -> str:
        """Publish one listing and return its entry id.

        Raises:
            RefusedListingError: as `ListingPublisher.publish`.
            PublishError: as `ListingPublisher.publish`.
        """
        return (await self.publish_many([listing]))[0]

    async def publish_many(self, listings: Iterable[Publishable] | AsyncIterable[Publishable]) -> list[str]:
        """Publish listings, many in one round trip, and return their entry ids in order.

        Raises:
            RefusedListingError: as `ListingPublisher.publish_many`.
            PublishError: as `ListingPublisher.publish_many`.
        """
        entry_ids: list[str] = []
        try:
            async for chunk in self.publish_chunks(listings):
                entry_ids += chunk
        except PublishError as error:
            error.entry_ids = (*entry_ids, *error.entry_ids)
            raise
        return entry_ids

    async def publish_chunks(
        self, listings: Iterable[Publishable] | AsyncIterable[Publishable]
    ) -> AsyncIterator[list[str]]:
        """Publish listings while the result is iterated, holding one chunk in memory.

        Yields:
            The entry ids of each chunk.

        Raises:
            RefusedListingError: as `ListingPublisher.publish_chunks`.
            PublishError: as `ListingPublisher.publish_chunks`.
        """
        chunker = Chunker(self._plan.decoder)
        async for listing in _each(listings):
            if chunk := chunker.add(listing):
                yield await self._send(chunk)
        if chunk := chunker.rest():
            yield await self._send(chunk)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.asker.aclose()
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _send(self, chunk: list[bytes], reply_to: str | None = None) -> list[str]:
        try:
            await self._wait_to_send(chunk)
            if reply_to:
                await self.asker.cover(self._plan.router.layout.count)
        except redis.exceptions.RedisError as error:
            raise failure(self._plan.url, error, unconfirmed=chunk) from error
        except ConfigurationError as error:
            raise PublishError(str(error), unconfirmed=chunk) from error
        parts = self._plan.router.split(chunk)
        if len(parts) == 1 and not parts[0].streams.shard:
            return await self._send_chunk(parts[0].streams.listings, chunk, reply_to)
        results = await asyncio.gather(*(self._sent(part, reply_to) for part in parts))
        return join_parts(self._plan.url, parts, results)

    async def _sent(self, part: ShardChunk, reply_to: str | None) -> list[str] | PublishError:
        try:
            return await self._send_chunk(part.streams.listings, part.payloads, reply_to)
        except PublishError as error:
            return error

    async def _send_chunk(self, stream: str, chunk: list[bytes], reply_to: str | None) -> list[str]:
        try:
            pool = await pool_of_async(self._client, stream)
            connection = await pool.get_connection()
        except redis.exceptions.RedisError as error:
            note_failure(self._client, error)
            raise failure(self._plan.url, error, unconfirmed=chunk) from error
        replies: list[bytes | Exception] = []
        lost: Exception | None = None
        try:
            packed = pack(stream, chunk, reply_to)
            await connection.send_packed_command(packed, check_health=False)
            # one timeout for the chunk: redis-py's timeout for each reply takes most of the time
            async with asyncio.timeout(SOCKET_TIMEOUT_S):
                await read_replies(connection, len(chunk), replies)
        except CONNECTION_ERRORS as error:
            lost = error
        finally:
            # unread replies must not be taken for those of the next chunk
            if len(replies) < len(chunk):
                await connection.disconnect(nowait=True)
            await pool.release(connection)
        for number in redirected(replies):
            try:
                xadd = ("XADD", stream, *entry_arguments(chunk[number], reply_to))
                replies[number] = await self._client.execute_command(*xadd)  # type: ignore[no-untyped-call]
            except (redis.exceptions.RedisError, OSError) as error:
                lost, replies = error, replies[:number]
                break
        self._plan.backpressure.record_sent(len(chunk))
        try:
            return confirm(self._plan.url, chunk, replies, lost)
        except PublishError as error:
            note_failure(self._client, error.__cause__ or error)
            raise

    async def _wait_to_send(self, chunk: list[bytes]) -> None:
        """Wait until the shards are known and no longer held, and the backlog is below the high-water mark."""
        backpressure, router = self._plan.backpressure, self._plan.router
        while router.is_due(now_s := time.monotonic()) or backpressure.is_check_due(now_s):
            if router.is_due(now_s):
                is_held, layout = await read_hold_async(self._client, self._plan.streams)
                router.note(layout, is_held=is_held, asked_s=now_s)
            if router.is_held:
                backpressure.hold(chunk)
            elif not backpressure.is_check_due(now_s):
                return
            else:
                backlog = await self._plan.backlogs.read_async(self._client, router.shards)
                if backpressure.admits(chunk, backlog, time.monotonic()):
                    return
            await asyncio.sleep(CHECK_INTERVAL_S)


async def _each(listings: Iterable[Publishable] | AsyncIterable[Publishable]) -> AsyncIterator[Publishable]:
    if isinstance(listings, AsyncIterable):
        async for listing in listings:
            yield listing
    else:
        for listing in listings:
            yield listing
