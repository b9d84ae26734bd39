"""The asker of asyncio programs: one stream of replies, read by one task, for the listings of all tasks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

import redis.asyncio
import redis.exceptions

from producer.chunks import CHUNK_LISTINGS
from producer.gathering import SendGatherer
from producer.posting import PostedWaiter, Posting, PostingTimes
from producer.replies import (
    BEGINNING,
    BLOCK_MS,
    CHUNK,
    EXPIRES_MS,
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    REFRESH_S,
    ReplyCollector,
    ReplyMatcher,
    answer_of,
    new_reply_name,
    not_answered,
    with_prediction,
)
from schemas.events import DeadLetter, Prediction, Repeat
from schemas.streams import Streams
from transport.backoff import Backoff

_FAILURES = (redis.exceptions.RedisError, OSError)


class AsyncAsker:
    """`Asker` with awaited calls, for the tasks of one event loop.

    Args:
        client: as for `Asker`, as are the others.
        streams: the domain's keys.
        send: publishes events with a reply name, and returns their entry ids.
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
        self._send = send
        self._gatherer = SendGatherer(self._send_chunk)
        self._key = streams.replies(self._name)
        self._read_until = BEGINNING
        self._matcher = ReplyMatcher()
        self._times = PostingTimes(self._matcher)
        self._starting = asyncio.Lock()
        self._closing = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    async def ask(self, payload: bytes, timeout_s: float) -> Prediction | DeadLetter | Repeat:
        """Publish one event, and wait for its answer; raises as `Asker.ask`."""
        answer = answer_of(await self.ask_for_reply(payload, timeout_s))
        if isinstance(answer, Repeat) and answer.data.first:
            # a repeat is an answer even if its prediction cannot be read
            with suppress(*_FAILURES):
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
            redis.exceptions.RedisError: the stream of replies cannot be made; nothing was sent.
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

    async def find_prediction(self, entry_id: str) -> tuple[Any, Any] | None:
        """The entry of a prediction, as a repeat names it; None if it was trimmed.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        entries: Any = await self._client.xrange(self._streams.predictions, entry_id, entry_id)
        return entries[0] if entries else None

    async def aclose(self) -> None:
        """Stop reading, and remove the stream; does nothing if nothing was asked."""
        self._closing.set()
        if self._reader is None:
            return
        with suppress(*_FAILURES):
            # wakes the reader, which is not cancelled: redis-py may take a cancellation for a timeout
            await self._client.xadd(self._key, {"asker": "closed"}, nomkstream=True)
        await asyncio.wait([self._reader])
        with suppress(*_FAILURES):
            await self._client.delete(self._key)

    async def _send_chunk(self, chunk: list[bytes]) -> list[str]:
        if not self._is_reading:
            await self._ensure_reader()
        return await self._send(chunk, self._name)

    @property
    def _is_reading(self) -> bool:
        return self._reader is not None and not self._reader.done()

    async def _ensure_reader(self) -> None:
        async with self._starting:
            if not self._is_reading:
                await self._open()
                self._reader = asyncio.create_task(self._read(), name=self._name)

    async def _open(self) -> None:
        """Make the stream; what was read of an earlier one says nothing about where to read this one."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.xadd(self._key, {"asker": self._name})
        pipeline.pexpire(self._key, EXPIRES_MS)
        await pipeline.execute()
        self._read_until = BEGINNING

    async def _read(self) -> None:
        backoff, next_refresh_s = Backoff(FIRST_PAUSE_S, LONGEST_PAUSE_S), 0.0
        while not self._closing.is_set():
            try:
                if time.monotonic() >= next_refresh_s:
                    await self._refresh()
                    next_refresh_s = time.monotonic() + REFRESH_S
                reply: Any = await self._client.xread({self._key: self._read_until}, CHUNK, BLOCK_MS)
            except _FAILURES:
                # listings that wait get their answers when Redis is back; the stream may be gone by then
                next_refresh_s = 0.0
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), backoff.next_s())
                continue
            backoff.reset()
            for _, entries in reply or ():
                self._read_until = entries[-1][0]
                self._matcher.receive(fields for _, fields in entries)

    async def _refresh(self) -> None:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.pexpire(self._key, EXPIRES_MS)
        pipeline.xtrim(self._key, minid=self._read_until, approximate=False)
        is_kept, _ = await pipeline.execute()
        if not is_kept:
            await self._open()
