"""Gathers the events that many tasks publish at once, and sends them together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from producer.chunks import CHUNK_LISTINGS
from schemas.errors import PublishError


class EntryReceiver(Protocol):
    """A future of asyncio, or what takes its place, that gets the entry ids of events."""

    def done(self) -> bool:
        """Whether nobody waits for them any more."""

    def set_result(self, result: list[str], /) -> None:
        """Hand over the entry ids, in the order of the events."""

    def set_exception(self, exception: BaseException, /) -> None:
        """Say why the events are not confirmed."""


_Call = tuple[Sequence[bytes], EntryReceiver]


class SendGatherer:
    """Sends the events of concurrent calls in one chunk.

    One chunk is under way at a time. What is published meanwhile waits and goes out as the next chunk, so chunks grow
    with the load, and a single call never waits for others.

    Args:
        send: sends a chunk and returns its entry ids.
    """

    def __init__(self, send: Callable[[list[bytes]], Awaitable[list[str]]]) -> None:
        self._send = send
        self._gathered: deque[_Call] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def send(self, payloads: Sequence[bytes]) -> list[str]:
        """Publish events, and return their entry ids in order.

        Raises:
            PublishError: as the publisher's `send`, about these events alone.
        """
        receiver: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
        self.post(payloads, receiver)
        return await receiver

    def post(self, payloads: Sequence[bytes], receiver: EntryReceiver) -> None:
        """Publish events, whose entry ids, or the error that `send` would raise, the receiver gets."""
        self._gathered.append((payloads, receiver))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_gathered(), name="publisher")

    async def _send_gathered(self) -> None:
        while self._gathered:
            calls = [self._gathered.popleft()]
            count = len(calls[0][0])
            while self._gathered and count + len(self._gathered[0][0]) <= CHUNK_LISTINGS:
                calls.append(self._gathered.popleft())
                count += len(calls[-1][0])
            await self._send_together(calls)

    async def _send_together(self, calls: Sequence[_Call]) -> None:
        chunk = [payload for payloads, _ in calls for payload in payloads]
        try:
            entry_ids = await self._send(chunk)
        except PublishError as error:
            _share(error, calls)
        except BaseException as error:
            for _, receiver in calls:
                if not receiver.done():
                    receiver.set_exception(error if isinstance(error, Exception) else asyncio.CancelledError())
            if not isinstance(error, Exception):
                raise
        else:
            remaining = iter(entry_ids)
            for payloads, receiver in calls:
                own = [next(remaining) for _ in payloads]
                if not receiver.done():
                    receiver.set_result(own)


def _share(error: PublishError, calls: Sequence[_Call]) -> None:
    """Give each call its entry ids, or the error about those of its events that are not confirmed."""
    unconfirmed = set(map(id, error.unconfirmed))
    confirmed = iter(error.entry_ids)
    for payloads, receiver in calls:
        failed = [payload for payload in payloads if id(payload) in unconfirmed]
        own = [next(confirmed) for payload in payloads if id(payload) not in unconfirmed]
        if receiver.done():
            continue
        if failed:
            receiver.set_exception(type(error)(str(error), own, failed))
        else:
            receiver.set_result(own)
