"""An open-loop load: listings arrive at a fixed rate, and each latency counts from the moment of arrival.

A generator that waits for answers, or skips what it could not send in time, hides the latencies of a slow system
(Tene's "coordinated omission"). Here arrival n is due at `begin + n / rate`, always: a listing that is sent late has
its latency counted from when it was due. The publisher and the reader run in processes of their own; all processes
read the same monotonic clock.

Both also say how long they themselves kept each listing waiting, and never too much: the publisher from when the
listing was due and the publish before it had returned, the reader from when the answer stood in Redis. What remains of
the latency is that of the product, with Redis.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producer import ListingPublisher
from schemas.errors import BenchmarkError
from schemas.settings import Settings
from service.collector import calm_collector
from tasador.bench.contenders.contender import listing_id_of_event
from tasador.bench.payloads import payload_builder
from transport.clock import now_ms
from transport.connection import connect

LEAD_S = 0.5
"""Time between the call and the first arrival."""
TIMEOUT_S = 20.0
"""How long to wait for answers, in addition to three times the duration of the arrivals."""
_MAX_CHUNK = 2000
_MIN_SLEEP_S = 1e-5
_NO_ANSWER = np.inf
_LONGEST_COMMIT_S = 0.01
"""How long an answer may have been written before it can be read: an entry id is of the beginning of its commit."""


Seconds = NDArray[np.float64]


class Latencies(NamedTuple):
    """Latencies of all arrivals in their order, each of shape (count,).

    Attributes:
        whole_s: from when each was due to when its answer was read.
        generator_s: the share of the load generator.
    """

    whole_s: Seconds
    generator_s: Seconds


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Evenly spaced arrivals.

    Attributes:
        events_per_s: the rate.
        count: how many.
        begin_s: when the first is due, on the monotonic clock.
    """

    events_per_s: float
    count: int
    begin_s: float

    @property
    def due_s(self) -> Seconds:
        """When each is due, shape (count,)."""
        return self.begin_s + np.arange(self.count) / self.events_per_s

    def publish(
        self,
        payload: Callable[[int], bytes],
        publish: Callable[[list[bytes]], object],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> Seconds:
        """Publish each listing as soon as it is due, and overdue ones together.

        Returns:
            How long each was due without being sent while no publish was under way, shape (count,).
        """
        sent, called_s = 0, np.zeros(self.count)
        # how long publishes had taken by these moments
        moments_s, publishing_s = [0.0], [0.0]
        while sent < self.count:
            position = (clock() - self.begin_s) * self.events_per_s
            due = min(int(position) + 1, self.count, sent + _MAX_CHUNK) if position >= 0 else 0
            if due > sent:
                payloads = [payload(number) for number in range(sent, due)]
                called_s[sent:due] = begin_s = clock()
                publish(payloads)
                end_s, took_s = clock(), publishing_s[-1]
                moments_s += [begin_s, end_s]
                publishing_s += [took_s, took_s + end_s - begin_s]
                sent = due
            else:
                sleep(max(self.begin_s + sent / self.events_per_s - clock(), _MIN_SLEEP_S))
        began_s, due_s = (np.interp(each_s, moments_s, publishing_s) for each_s in (called_s, self.due_s))
        return called_s - self.due_s - (began_s - due_s)


def publish_arrivals(settings: Settings, arrivals: Arrivals) -> Seconds:
    """Publish the arrivals through the product's publisher; returns as `Arrivals.publish`."""
    payload = payload_builder(settings.load_domain())
    with ListingPublisher(settings) as publisher:
        return arrivals.publish(payload, publisher.publish_many)


class SeenAnswers(NamedTuple):
    """Answers as the reader saw them, each of shape (count,).

    Attributes:
        seen_s: when each could be read, on the monotonic clock; infinite where none came.
        kept_s: how long each had stood in Redis while the reader was busy with others.
    """

    seen_s: Seconds
    kept_s: Seconds


def read_answers(url: str, predictions: str, arrivals: Arrivals) -> SeenAnswers:
    """Read the answers to all arrivals."""
    seen_s, kept_s = np.full(arrivals.count, _NO_ANSWER), np.zeros(arrivals.count)
    missing, after = arrivals.count, "0-0"
    # long enough for a consumer that has fallen behind to finish
    deadline_s = arrivals.begin_s + 3 * arrivals.count / arrivals.events_per_s + TIMEOUT_S
    with connect(url) as client:
        ahead_s = now_ms(client) / 1000 - time.monotonic()
        busy_since_s = time.monotonic()
        while missing and time.monotonic() < deadline_s:
            asked_s = time.monotonic()
            reply = client.xread({predictions: after}, count=5000, block=100)
            now_s = time.monotonic()
            for _, entries in reply or ():
                for entry_id, fields in entries:
                    number = int(listing_id_of_event(fields[b"data"])[-12:])
                    if seen_s[number] == _NO_ANSWER:
                        seen_s[number] = now_s
                        readable_s = int(entry_id.partition(b"-")[0]) / 1000 - ahead_s + _LONGEST_COMMIT_S
                        kept_s[number] = max(asked_s - max(readable_s, busy_since_s), 0.0)
                        missing -= 1
                after = entries[-1][0]
            busy_since_s = now_s
    return SeenAnswers(seen_s, kept_s)


class LoadGenerator:
    """Publishes arrivals and reads answers, each in a process of its own."""

    def __init__(self, pool: ProcessPoolExecutor, settings: Settings, url: str) -> None:
        self._pool = pool
        self._settings = settings
        self._url = url

    def start(self, events_per_s: float, seconds: float) -> tuple[Arrivals, Future[SeenAnswers]]:
        """Start the arrivals; the stream of predictions must be empty.

        Returns:
            The arrivals, and a future of their answers.
        """
        arrivals = Arrivals(events_per_s, max(int(events_per_s * seconds), 1), time.monotonic() + LEAD_S)
        seen = self._pool.submit(read_answers, self._url, self._settings.streams.predictions, arrivals)
        self._publishing = self._pool.submit(publish_arrivals, self._settings, arrivals)
        return arrivals, seen

    def finish(self, arrivals: Arrivals, answers: Future[SeenAnswers]) -> Latencies:
        """Wait for all answers.

        Raises:
            BenchmarkError: an arrival got no answer.
        """
        publisher_s, (seen_s, reader_s) = self._publishing.result(), answers.result()
        whole_s = seen_s - arrivals.due_s
        if unanswered := int(np.isinf(whole_s).sum()):
            raise BenchmarkError(f"{unanswered:,} of {arrivals.count:,} listings got no answer")
        return Latencies(whole_s, publisher_s + reader_s)


@contextmanager
def load_generator(settings: Settings, url: str) -> Iterator[LoadGenerator]:
    """Run the two processes for the duration of the block."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_warm_up, (settings, settings)))
        yield LoadGenerator(pool, settings, url)


def _warm_up(settings: Settings) -> None:
    """Do the imports of the measured work; sleeps so that each process gets one of the two calls."""
    payload_builder(settings.load_domain())
    calm_collector()
    time.sleep(LEAD_S)
