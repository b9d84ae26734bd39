"""Pauses that double up to a limit, and start again after a success."""

from __future__ import annotations

from transport.backoff import Backoff


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
