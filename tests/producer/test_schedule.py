"""The schedule keeps its rate, whatever delays the listings."""

from __future__ import annotations

import pytest

from producer.schedule import Schedule


class SteppedClock:
    """A clock that advances only by `wait`, or when a test sets it."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.now_s += seconds


@pytest.mark.parametrize(("rate_per_s", "chunk_size"), [(0.5, 1), (10, 1), (250, 2), (50_000, 500), (1e6, 1000)])
def test_the_last_listing_of_each_chunk_is_yielded_when_it_is_due(rate_per_s: float, chunk_size: int) -> None:
    clock = SteppedClock()
    schedule = Schedule(rate_per_s, clock, clock.wait)
    assert schedule.chunk_size == chunk_size
    yielded_s = [clock.now_s - 1000 for _ in schedule.pace(range(4 * chunk_size))]
    last = range(chunk_size - 1, 4 * chunk_size, chunk_size)
    assert [yielded_s[number] for number in last] == pytest.approx([number / rate_per_s for number in last])


def test_lost_time_is_made_up() -> None:
    clock = SteppedClock()
    paced = Schedule(10, clock, clock.wait).pace(range(100))
    for _ in range(20):
        next(paced)
    clock.now_s += 3.0
    before = clock.now_s
    for _ in range(30):
        next(paced)
    assert clock.now_s == before
    for _ in paced:
        pass
    assert clock.now_s - 1000 == pytest.approx(9.9)
