"""Publishes listings at a steady rate: a seeded mixture of valid ones, junk and repeats, with a receipt for each.

Some ask for a reply.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from typing import Any

import redis
import redis.exceptions

from schemas.shards import entry_name, shard_of
from schemas.streams import Streams
from tests.consumer.harness import ROW, event
from transport.connection import connect

_TICK_S = 0.02
_JUNK_SHARE = 0.03
_REPEAT_SHARE = 0.03
ASKER = "load"
_ASKED_EVERY = 20


class Load:
    """Publishes at a steady rate in its own thread, through all errors of Redis.

    An entry that Redis confirmed is a receipt. Listings that were being sent when a connection broke are unknown: they
    may have arrived, and are not sent again.

    Attributes:
        receipts: entries that Redis confirmed.
        shards: keys of the shards that listings are spread over.
        unknown: how many listings were sent without a reply.
        refused: how many listings Redis refused.
    """

    def __init__(self, url: str, shards: Sequence[Streams], rate: int, seed: int) -> None:
        self.receipts: list[str] = []
        self.unknown = 0
        self.refused = 0
        self._url = url
        self.shards = shards
        self._per_tick = max(1, round(rate * _TICK_S))
        self._random = random.Random(seed)
        self._number = 0
        self._paused = threading.Event()
        self._done = threading.Event()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Start publishing."""
        self._thread.start()

    def stop(self) -> None:
        """Stop publishing."""
        self._done.set()
        if self._thread.ident is not None:
            self._thread.join()

    def pause(self) -> None:
        """Publish nothing until `resume`; returns when nothing is being sent."""
        self._idle.clear()
        self._paused.set()
        assert self._idle.wait(120)

    def resume(self) -> None:
        """Continue publishing."""
        self._paused.clear()

    def payload(self) -> bytes:
        """The next listing."""
        chance = self._random.random()
        self._number += 1
        if chance < _JUNK_SHARE:
            return b'{"id": "l-%d", "data": {"RM": "many"}}' % self._number
        number = self._number
        if chance < _JUNK_SHARE + _REPEAT_SHARE:
            number = max(1, number - self._random.randrange(1, 200))
        return event(f"l-{number}", {**ROW, "RM": 4 + (number % 200) / 100})

    def _run(self) -> None:
        # one for the whole time, as a publisher has it: on a cluster it knows which node it was misled by
        client = connect(self._url)
        while not self._done.is_set():
            if self._paused.is_set():
                self._idle.set()
                time.sleep(_TICK_S)
                continue
            try:
                self._publish(client)
            except (redis.exceptions.RedisError, OSError):
                self.unknown += self._per_tick
            time.sleep(_TICK_S)
        client.close()

    def _publish(self, client: redis.Redis) -> None:
        pipeline = client.pipeline(transaction=False)
        numbers: list[int] = []
        for _ in range(self._per_tick):
            fields = {"data": self.payload()}
            if self._number % _ASKED_EVERY == 0:
                fields["replyto"] = ASKER.encode()
            numbers.append(shard_of(fields["data"], len(self.shards)))
            pipeline.xadd(self.shards[numbers[-1]].listings, fields)  # type: ignore[arg-type]
        replies: list[Any] = pipeline.execute(raise_on_error=False)
        answered = zip(numbers, replies, strict=True)
        confirmed = [
            entry_name(self.shards[number].shard, reply.decode())
            for number, reply in answered
            if isinstance(reply, bytes)
        ]
        self.receipts += confirmed
        self.refused += len(replies) - len(confirmed)
