"""Open loop: listings arrive on a clock, whether or not anybody keeps up, and each is waited for from its arrival.

A generator that waits for the answer, or that forgets what it could not send in time, measures a system only while it
is well (Tene's "coordinated omission"). Here arrival n is due at `begin + n / rate` and nothing moves that: what cannot
be sent in time is sent late and its latency counts from when it was due. Publishing, reading and whoever wants to
disturb run in processes of their own; the monotonic clock is the same in all of them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks.payloads import numbered
from producer import ListingPublisher
from schemas.errors import BenchmarkError
from schemas.settings import Settings
from transport.connection import connect

LEAD_S = 0.5
"""From the order to the first arrival."""
PATIENCE_S = 20.0
"""How long after the last arrival answers are waited for, beside twice as long as there were arrivals."""
_MOST_AT_ONCE = 2000
_SHORTEST_SLEEP_S = 1e-5
_NO_ANSWER = np.inf

Publish = Callable[[list[bytes]], object]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """A load: so many listings, evenly spread.

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
        publish: Publish,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Publish each as soon as it is due, late ones together."""
        sent = 0
        while sent < self.count:
            late = (clock() - self.begin_s) * self.events_per_s
            due = min(int(late) + 1, self.count, sent + _MOST_AT_ONCE) if late >= 0 else 0
            if due > sent:
                publish([payload(number) for number in range(sent, due)])
                sent = due
            else:
                sleep(max(self.begin_s + sent / self.events_per_s - clock(), _SHORTEST_SLEEP_S))


class _Data(msgspec.Struct):
    listing_id: str


class _Answer(msgspec.Struct):
    data: _Data


def publish_arrivals(settings: Settings, arrivals: Arrivals) -> None:
    """Publish a load through the product's publisher."""
    payload = numbered(settings.load_domain())
    with ListingPublisher(settings) as publisher:
        arrivals.publish(payload, publisher.publish_many)


def seen_answers(url: str, predictions: str, arrivals: Arrivals) -> NDArray[np.float64]:
    """When the answer to each arrival could be read, shape (count,); infinite where none came."""
    decode = msgspec.json.Decoder(_Answer).decode
    seen_s = np.full(arrivals.count, _NO_ANSWER)
    missing, after = arrivals.count, "0-0"
    # one who falls behind is to be seen to the end
    give_up_s = arrivals.begin_s + 3 * arrivals.count / arrivals.events_per_s + PATIENCE_S
    with connect(url) as client:
        while missing and time.monotonic() < give_up_s:
            reply = client.xread({predictions: after}, count=5000, block=100)
            now_s = time.monotonic()
            for _, entries in reply or ():
                for _, fields in entries:
                    number = int(decode(fields[b"data"]).data.listing_id[-12:])
                    if seen_s[number] == _NO_ANSWER:
                        seen_s[number] = now_s
                        missing -= 1
                after = entries[-1][0]
    return seen_s


class Load:
    """Two processes that are ready to publish and to read."""

    def __init__(self, pool: ProcessPoolExecutor, settings: Settings, url: str) -> None:
        self._pool = pool
        self._settings = settings
        self._url = url

    def start(self, events_per_s: float, seconds: float) -> tuple[Arrivals, Future[NDArray[np.float64]]]:
        """Let listings arrive; the stream of predictions must be empty.

        Returns:
            The arrivals, and what will be when each answer was seen.
        """
        arrivals = Arrivals(events_per_s, max(int(events_per_s * seconds), 1), time.monotonic() + LEAD_S)
        seen = self._pool.submit(seen_answers, self._url, self._settings.streams.predictions, arrivals)
        self._sending = self._pool.submit(publish_arrivals, self._settings, arrivals)
        return arrivals, seen

    def finish(self, arrivals: Arrivals, seen: Future[NDArray[np.float64]]) -> NDArray[np.float64]:
        """The latency of each arrival in seconds, shape (count,).

        Raises:
            BenchmarkError: an arrival got no answer.
        """
        self._sending.result()
        latencies_s: NDArray[np.float64] = seen.result() - arrivals.due_s
        if unanswered := int(np.isinf(latencies_s).sum()):
            raise BenchmarkError(f"{unanswered:,} of {arrivals.count:,} listings got no answer")
        return latencies_s


@contextmanager
def ready_to_load(settings: Settings, url: str) -> Iterator[Load]:
    """Start the two processes, and end them."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_import_all, (settings, settings)))
        yield Load(pool, settings, url)


def _import_all(settings: Settings) -> None:
    """Import and build what the work needs; long enough that each process gets one of two calls."""
    numbered(settings.load_domain())
    time.sleep(LEAD_S)
