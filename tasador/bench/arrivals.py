"""An open-loop load: listings arrive at a fixed rate, and each latency counts from the moment of arrival.

A generator that waits for answers, or skips what it could not send in time, hides the latencies of a slow system
(Tene's "coordinated omission"). Here arrival n is due at `begin + n / rate`, always: a listing that is sent late has
its latency counted from when it was due. The publisher and the reader run in processes of their own; all processes
read the same monotonic clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from producer import ListingPublisher
from schemas.errors import BenchmarkError
from schemas.settings import Settings
from tasador.bench.contenders.contender import listing_id_of_event
from tasador.bench.payloads import payload_builder
from transport.connection import connect

LEAD_S = 0.5
"""Time between the call and the first arrival."""
TIMEOUT_S = 20.0
"""How long to wait for answers, in addition to three times the duration of the arrivals."""
_MAX_CHUNK = 2000
_MIN_SLEEP_S = 1e-5
_NO_ANSWER = np.inf


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
    def due_s(self) -> NDArray[np.float64]:
        """When each is due, shape (count,)."""
        return self.begin_s + np.arange(self.count) / self.events_per_s

    def publish(
        self,
        payload: Callable[[int], bytes],
        publish: Callable[[list[bytes]], object],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Publish each listing as soon as it is due, and overdue ones together."""
        sent = 0
        while sent < self.count:
            position = (clock() - self.begin_s) * self.events_per_s
            due = min(int(position) + 1, self.count, sent + _MAX_CHUNK) if position >= 0 else 0
            if due > sent:
                publish([payload(number) for number in range(sent, due)])
                sent = due
            else:
                sleep(max(self.begin_s + sent / self.events_per_s - clock(), _MIN_SLEEP_S))


def publish_arrivals(settings: Settings, arrivals: Arrivals) -> None:
    """Publish the arrivals through the product's publisher."""
    payload = payload_builder(settings.load_domain())
    with ListingPublisher(settings) as publisher:
        arrivals.publish(payload, publisher.publish_many)


def read_answers(url: str, predictions: str, arrivals: Arrivals) -> NDArray[np.float64]:
    """When the answer to each arrival could be read, shape (count,); infinite where none came."""
    seen_s = np.full(arrivals.count, _NO_ANSWER)
    missing, after = arrivals.count, "0-0"
    # long enough for a consumer that has fallen behind to finish
    deadline_s = arrivals.begin_s + 3 * arrivals.count / arrivals.events_per_s + TIMEOUT_S
    with connect(url) as client:
        while missing and time.monotonic() < deadline_s:
            reply = client.xread({predictions: after}, count=5000, block=100)
            now_s = time.monotonic()
            for _, entries in reply or ():
                for _, fields in entries:
                    number = int(listing_id_of_event(fields[b"data"])[-12:])
                    if seen_s[number] == _NO_ANSWER:
                        seen_s[number] = now_s
                        missing -= 1
                after = entries[-1][0]
    return seen_s


class LoadGenerator:
    """Publishes arrivals and reads answers, each in a process of its own."""

    def __init__(self, pool: ProcessPoolExecutor, settings: Settings, url: str) -> None:
        self._pool = pool
        self._settings = settings
        self._url = url

    def start(self, events_per_s: float, seconds: float) -> tuple[Arrivals, Future[NDArray[np.float64]]]:
        """Start the arrivals; the stream of predictions must be empty.

        Returns:
            The arrivals, and a future of when each answer could be read.
        """
        arrivals = Arrivals(events_per_s, max(int(events_per_s * seconds), 1), time.monotonic() + LEAD_S)
        seen = self._pool.submit(read_answers, self._url, self._settings.streams.predictions, arrivals)
        self._publishing = self._pool.submit(publish_arrivals, self._settings, arrivals)
        return arrivals, seen

    def finish(self, arrivals: Arrivals, seen: Future[NDArray[np.float64]]) -> NDArray[np.float64]:
        """Wait for all answers and return the latency of each arrival in seconds, shape (count,).

        Raises:
            BenchmarkError: an arrival got no answer.
        """
        self._publishing.result()
        latencies_s: NDArray[np.float64] = seen.result() - arrivals.due_s
        if unanswered := int(np.isinf(latencies_s).sum()):
            raise BenchmarkError(f"{unanswered:,} of {arrivals.count:,} listings got no answer")
        return latencies_s


@contextmanager
def load_generator(settings: Settings, url: str) -> Iterator[LoadGenerator]:
    """Run the two processes for the duration of the block."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_warm_up, (settings, settings)))
        yield LoadGenerator(pool, settings, url)


def _warm_up(settings: Settings) -> None:
    """Do the imports of the measured work; sleeps so that each process gets one of the two calls."""
    payload_builder(settings.load_domain())
    time.sleep(LEAD_S)
