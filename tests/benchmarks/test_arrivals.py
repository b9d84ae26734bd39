"""The load generator counts each listing's latency from when it was due, and says what it delayed itself."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import redis

from schemas.decoding import ListingDecoder
from schemas.domain import load_domain
from schemas.sections import LimitSettings
from schemas.streams import Streams
from tasador.bench import arrivals as arrivals_module
from tasador.bench.arrivals import Arrivals, Latencies, read_answers
from tasador.bench.contenders.contender import listing_id_of_event
from tasador.bench.latency import step_of
from tasador.bench.payloads import listing_id, payload_builder

RATE, COUNT = 1000, 2000


class StalledClock:
    """A clock that only `advance` moves."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def advance(self, seconds: float) -> None:
        self.now_s += seconds


def run(stall_s: float, pause_s: float = 0.0) -> tuple[list[bytes], Latencies]:
    """Publish to a system that answers at once, but stalls halfway; before, the generator itself pauses."""
    clock, sent, seen_s = StalledClock(), list[bytes](), list[float]()

    def payload(number: int) -> bytes:
        if number == COUNT // 4:
            clock.advance(pause_s)
        return b"%d" % number

    def publish(payloads: list[bytes]) -> None:
        if len(sent) == COUNT // 2:
            clock.advance(stall_s)
        clock.advance(1e-5 * len(payloads))
        sent.extend(payloads)
        seen_s.extend([clock.now_s] * len(payloads))

    arrivals = Arrivals(RATE, COUNT, begin_s=0.5)
    generator_s = arrivals.publish(payload, publish, clock, clock.advance)
    return sent, Latencies(np.array(seen_s) - arrivals.due_s, generator_s)


@pytest.mark.parametrize("stall_s", [0.0, 0.3])
def test_every_listing_is_published_once_and_in_order(stall_s: float) -> None:
    sent, _ = run(stall_s)
    assert sent == [b"%d" % number for number in range(COUNT)]


def test_a_stall_delays_all_listings_due_during_it_and_no_others() -> None:
    quiet, stalled = (run(stall_s)[1].whole_s for stall_s in (0.0, 0.3))
    assert quiet.min() > 0
    assert quiet.max() < 0.001
    # listings due during 0.3 s at 1,000 per second waited for the rest of the stall, 0.15 s on average
    delayed = stalled > 0.001
    assert 297 <= delayed.sum() <= 303
    assert stalled.max() == pytest.approx(0.3, abs=0.005)
    assert stalled[delayed].mean() == pytest.approx(0.15, abs=0.01)
    # a closed-loop generator would have seen one slow listing in 2,000
    assert np.percentile(stalled, 90) > 0.09
    assert stalled[-500:].max() < 0.001


def test_only_its_own_pauses_are_the_generators_share() -> None:
    _, (whole_s, generator_s) = run(0.3, pause_s=0.2)
    assert generator_s.max() == pytest.approx(0.2, abs=0.005)
    # those due during its pause waited for the rest of it, and the product's stall is not the generator's
    assert 197 <= (generator_s > 0.001).sum() <= 203
    product_s = whole_s - generator_s
    assert product_s[: COUNT // 2 - 1].max() < 0.01
    assert product_s.max() == pytest.approx(0.3, abs=0.005)


def test_answers_that_waited_for_the_reader_are_its_share(
    redis_client: redis.Redis, redis_url: str, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(number: int) -> None:
        redis_client.xadd(streams.predictions, {"data": json.dumps({"data": {"listing_id": listing_id(number)}})})

    def pause_once(event: bytes) -> str:
        number = listing_id_of_event(event)
        if number == listing_id(0):
            answer(1)
            time.sleep(0.1)
        return number

    monkeypatch.setattr(arrivals_module, "listing_id_of_event", pause_once)
    answer(0)
    seen_s, kept_s = read_answers(redis_url, streams.predictions, Arrivals(RATE, 2, time.monotonic()))
    assert np.isfinite(seen_s).all()
    assert kept_s[0] == 0
    assert 0.05 < kept_s[1] <= seen_s[1] - seen_s[0]


def test_figures_exclude_the_warm_up_and_show_saturation() -> None:
    whole_s = np.array([9.0] * 10 + [0.001] * 89 + [0.004])
    step = step_of(RATE, Latencies(whole_s, np.where(whole_s > 0.001, 0.002, 0.0)))
    assert (step.listings, step.p50, step.p99, step.max, step.is_saturated) == (90, 1.0, 4.0, 4.0, False)
    assert (step.p99_of_product, step.generator_max) == (2.0, 2.0)
    assert step_of(RATE, Latencies(np.linspace(0, 1, 1000), np.zeros(1000))).is_saturated


def test_built_payloads_are_valid_and_carry_their_number() -> None:
    domain = load_domain("housing")
    decode, payload = ListingDecoder(domain, LimitSettings()).decode, payload_builder(domain)
    for number in (0, 7, 501, 123_456_789_012):
        assert decode(payload(number)).id == listing_id(number)
    assert decode(payload(501)).data == decode(payload(1)).data
