"""Pauses grow up to a limit, and start again after a success."""

from __future__ import annotations

from transport.backoff import Backoff, OutageBackoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(0.5, 3.0)
    assert [backoff.next_s() for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_success_begins_with_the_first_pause_again() -> None:
    backoff = Backoff(0.5, 3.0)
    backoff.next_s()
    backoff.next_s()
    backoff.reset()
    assert backoff.next_s() == 0.5


def test_thousands_of_failures_keep_the_longest_pause() -> None:
    backoff = Backoff(1.0, 30.0)
    assert [backoff.next_s() for _ in range(5000)][-1] == 30.0


def test_pauses_in_an_outage_are_a_small_share_of_it() -> None:
    now_s = 100.0
    backoff = OutageBackoff(0.05, 1.0, lambda: now_s)
    pauses: list[float] = []
    while now_s < 200:
        pauses.append(backoff.next_s())
        now_s += pauses[-1]
        assert pauses[-1] <= max(0.05, 0.03 * (now_s - 100))
    assert (pauses[0], pauses[-1]) == (0.05, 1.0)
    assert len(pauses) < 250, "few attempts in a long one"
    backoff.reset()
    assert backoff.next_s() == 0.05
