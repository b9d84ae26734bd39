"""The asker of asyncio programs: a stream of replies in each shard, read by one task, for the listings of all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import redis.asyncio

from producer.async_reply_reader import AsyncReplyReader
from producer.chunks import CHUNK_LISTINGS
from producer.gathering import SendGatherer
from producer.posting import PostedWaiter, Posting, PostingTimes
from producer.replies import (
    ReplyCollector,
    ReplyMatcher,
    answer_of,
    new_reply_name,
    not_answered,
    with_prediction,
)
from producer.reply_reader import FAILURES
from schemas.events import DeadLetter, Prediction, Repeat
from schemas.shards import split_entry
from schemas.streams import Streams


class AsyncAsker:
    """`Asker` with awaited calls, for the tasks of one event loop.

    Args:
        client: as for `Asker`, as are the others.
        streams: the domain's keys.
        send: publishes events with a reply name, after `cover`, and returns their entries.
    """

    def __init__(
        self,
        client: redis.asyncio.Redis,
        streams: Streams,
        send: Callable[[list[bytes], str], Awaitable[list[str]]],
    ) -> None:
        self._client = client
        self._streams = streams
        self._name = new_reply_name()
        self._gatherer = SendGatherer(lambda chunk: send(chunk, self._name))
        self._matcher = ReplyMatcher()
        self._times = PostingTimes(self._matcher)
        self._readers: list[AsyncReplyReader] = []

    async def cover(self, shards: int) -> None:
        """Read replies in so many shards, at least; raises as `Asker.cover`."""
        for number in range(len(self._readers), shards):
            reader = AsyncReplyReader(self._client, self._streams.of_shard(number), self._name, self._matcher)
            self._readers.append(reader)
        for reader in self._readers:
            if not reader.is_reading:
                await reader.ensure()

    async def ask(self, payload: bytes, timeout_s: float) -> Prediction | DeadLetter | Repeat:
        """Publish one event, and wait for its answer; raises as `Asker.ask`."""
        answer = answer_of(await self.ask_for_reply(payload, timeout_s))
        if isinstance(answer, Repeat) and answer.data.first:
            # a repeat is an answer even if its prediction cannot be read
            with suppress(*FAILURES):
                return with_prediction(answer, await self.find_prediction(answer.data.first))
        return answer

    async def ask_for_reply(self, payload: bytes, timeout_s: float) -> bytes:
        """Publish one event, and wait for the JSON of its answer; raises as `Asker.ask`."""
        waiter: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        with self._matcher.sending():
            (entry_id,) = await self._gatherer.send((payload,))
            self._matcher.expect(entry_id, waiter)
        try:
            async with asyncio.timeout(timeout_s):
                return await waiter
        except TimeoutError:
            raise not_answered(entry_id, timeout_s) from None
        finally:
            self._matcher.forget(entry_id)

    def post(self, payload: bytes, waiter: PostedWaiter, timeout_s: float) -> None:
        """Publish one event from the event loop, without a task that waits.

        Args:
            payload: the event.
            waiter: gets the JSON of the answer, or the error that `ask_for_reply` would raise.
            timeout_s: the same in all calls.
        """
        self._matcher.begin_sending()
        self._gatherer.post((payload,), Posting(self._matcher, self._times, waiter, timeout_s))

    async def ask_for_replies(self, payloads: Sequence[bytes], timeout_s: float) -> list[tuple[str, bytes | None]]:
        """Publish events, and wait for the JSON of all their answers.

        Returns:
            For each event its entry id and the JSON of its answer, which is None if that did not come in time.

        Raises:
            PublishError: not all events were confirmed.
        """
        collector = ReplyCollector(len(payloads), asyncio.get_running_loop().create_future())
        entry_ids: list[str] = []
        try:
            with self._matcher.sending():
                for start in range(0, len(payloads), CHUNK_LISTINGS):
                    sent = await self._gatherer.send(payloads[start : start + CHUNK_LISTINGS])
                    for number, entry_id in enumerate(sent, start):
                        self._matcher.expect(entry_id, collector.waiter(number))
                    entry_ids += sent
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await collector.is_complete
        finally:
            for entry_id in entry_ids:
                self._matcher.forget(entry_id)
        return list(zip(entry_ids, collector.replies, strict=True))

    async def find_prediction(self, entry: str) -> tuple[Any, Any] | None:
        """The entry of a prediction, as a repeat names it; None if it was trimmed.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        shard, entry_id = split_entry(entry)
        entries: Any = await self._client.xrange(self._streams.of_shard(shard).predictions, entry_id, entry_id)
        return entries[0] if entries else None

    async def aclose(self) -> None:
        """Stop reading, and remove the streams; does nothing if nothing was asked."""
        await asyncio.gather(*(reader.aclose() for reader in self._readers))
