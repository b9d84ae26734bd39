"""What traces cost: drains of listings of which 1 % is traced, with traces on and off."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from typing import Any

from producer.encoding import encode_listing
from producer.samples import SEED, sample_rows
from schemas.domain import Domain
from schemas.frozen_model import FrozenModel
from tasador.bench.contenders.contender import TASADOR, Contender, build_product
from tasador.bench.drain import DrainResult, measure_drain
from tasador.bench.payloads import PUBLISHED_AT, ROWS, listing_id
from tasador.bench.rig import Rig
from tasador.bench.targets import TRACED, floor_of
from tasador.bench.throughput import RateRatio, Spread
from training.progress import Progress

SHARE = 0.01
"""Share of the listings whose trace is sampled."""


class TracedDrains(FrozenModel):
    """Drains of the same listings with traces on and off.

    Attributes:
        on: events per second with traces, over all rounds.
        off: the same without.
        on_us: processor time of the consumer for a listing with traces; `off_us` without.
        ratio: the rate with traces divided by that without in the same round.
        requests: that the receiver of traces got.
    """

    on: Spread
    off: Spread
    on_us: float
    off_us: float
    ratio: RateRatio
    requests: int


def measure_traced(rig: Rig, listings: int, rounds: int, progress: Progress, *, is_quick: bool = False) -> TracedDrains:
    """Drain listings of which some are traced, with traces on and off in each round.

    Args:
        rig: where to measure.
        listings: how many are drained.
        rounds: of drains.
        progress: called with a line after each drain.
        is_quick: whether the floor of a small run applies.

    Raises:
        BenchmarkError: the consumer died, made no progress, or did not answer each listing exactly once.
        RedisUnavailableError: Redis does not answer.
    """
    payloads = _partly_traced(rig.settings.load_domain(), listings)
    drains: dict[str, list[DrainResult]] = {}
    with _receiver() as (endpoint, bodies):
        traced = Contender("traced", "tasador consumer, traces on", settings={"TRACING__ENDPOINT": endpoint})
        for number in range(1, rounds + 1):
            for contender in (build_product(), traced):
                drain = measure_drain(rig, contender, payloads, number)
                drains.setdefault(contender.name, []).append(drain)
                progress(f"round {number} of {rounds}: {contender.title}: {drain.events_per_s:,.0f} events/s")
        return _sum_up(drains["traced"], drains[TASADOR], len(bodies), is_quick=is_quick)


def _partly_traced(domain: Domain, count: int) -> list[bytes]:
    rows = [row for row, _ in zip(sample_rows(domain, SEED), range(ROWS))]  # noqa: B905 - endless
    rng = random.Random(SEED)  # noqa: S311
    return [
        encode_listing(
            {"specversion": "1.0", "id": listing_id(number), "time": PUBLISHED_AT, "data": rows[number % ROWS]},
            _trace(number) if rng.random() < SHARE else {},
        )
        for number in range(count)
    ]


def _trace(number: int) -> dict[str, str]:
    return {"traceparent": f"00-{number + 1:032x}-{number + 1:016x}-01"}


@contextmanager
def _receiver() -> Iterator[tuple[str, list[int]]]:
    """The address of a receiver of traces, and the sizes of what it gets."""
    sizes: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sizes.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", sizes
        finally:
            server.shutdown()
            thread.join()


def _sum_up(on: Sequence[DrainResult], off: Sequence[DrainResult], requests: int, *, is_quick: bool) -> TracedDrains:
    times = [one.events_per_s / other.events_per_s for one, other in zip(on, off, strict=True)]
    return TracedDrains(
        on=Spread.of(drain.events_per_s for drain in on),
        off=Spread.of(drain.events_per_s for drain in off),
        on_us=median(drain.processes[0].cpu_us for drain in on),
        off_us=median(drain.processes[0].cpu_us for drain in off),
        ratio=RateRatio(
            against=TASADOR,
            title="the same without traces",
            times=Spread.of(times),
            target=TRACED,
            floor=floor_of(TRACED, is_quick=is_quick),
        ),
        requests=requests,
    )
