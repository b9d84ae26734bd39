"""The load generator counts each listing's latency from when it was due, whatever delays it."""

from __future__ import annotations

import numpy as np
import pytest

from schemas.decoding import ListingDecoder
from schemas.domain import load_domain
from schemas.sections import LimitSettings
from tasador.bench.arrivals import Arrivals
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


def run(stall_s: float) -> tuple[list[bytes], np.ndarray[tuple[int], np.dtype[np.float64]]]:
    """Publish to a system that answers at once, but stalls for `stall_s` halfway."""
    clock, sent, seen_s = StalledClock(), list[bytes](), list[float]()

    def publish(payloads: list[bytes]) -> None:
        if len(sent) == COUNT // 2:
            clock.advance(stall_s)
        clock.advance(1e-5 * len(payloads))
        sent.extend(payloads)
        seen_s.extend([clock.now_s] * len(payloads))

    arrivals = Arrivals(RATE, COUNT, begin_s=0.5)
    arrivals.publish(lambda number: b"%d" % number, publish, clock, clock.advance)
    return sent, np.array(seen_s) - arrivals.due_s


@pytest.mark.parametrize("stall_s", [0.0, 0.3])
def test_every_listing_is_published_once_and_in_order(stall_s: float) -> None:
    sent, _ = run(stall_s)
    assert sent == [b"%d" % number for number in range(COUNT)]


def test_a_stall_delays_all_listings_due_during_it_and_no_others() -> None:
    _, quiet = run(0.0)
    _, stalled = run(0.3)
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


def test_figures_exclude_the_warm_up_and_show_saturation() -> None:
    step = step_of(RATE, np.array([9.0] * 10 + [0.001] * 89 + [0.004]))
    assert (step.listings, step.p50, step.p99, step.max, step.is_saturated) == (90, 1.0, 4.0, 4.0, False)
    assert step_of(RATE, np.linspace(0, 1, 1000)).is_saturated


def test_built_payloads_are_valid_and_carry_their_number() -> None:
    domain = load_domain("housing")
    decode, payload = ListingDecoder(domain, LimitSettings()).decode, payload_builder(domain)
    for number in (0, 7, 501, 123_456_789_012):
        assert decode(payload(number)).id == listing_id(number)
    assert decode(payload(501)).data == decode(payload(1)).data
