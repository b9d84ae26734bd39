"""A network between consumers and Redis that delays, resets, cuts and falls silent."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.conftest import Proxy, StartRound
from transport.connection import SOCKET_TIMEOUT_S

pytestmark = pytest.mark.faults
Record = Callable[[dict[str, Any]], None]


def test_connections_cut_reset_and_delayed(
    redis_url: str, start_round: StartRound, proxy: Proxy, record: Record
) -> None:
    round_ = start_round(redis_url)
    between = proxy(redis_url)
    round_.start("a", "b", through=between.url)
    for _ in range(20):
        between.delay_s = round_.random.choice([0, 0, 0.01, 0.1])
        time.sleep(round_.random.uniform(0.02, 0.3))
        between.cut(is_abrupt=round_.random.random() < 0.5)
        between.is_refusing = round_.random.random() < 0.2
        time.sleep(round_.random.uniform(0.02, 0.2))
        between.is_refusing = False
    between.delay_s = 0
    round_.wait_for_answers()
    round_.saw(connections_cut=between.connections_cut)
    figures = round_.finish()
    assert figures["connections_cut"] > 20
    assert figures["retried"] + figures["claimed"] > 0
    record(figures)


def test_silence_longer_than_every_timeout(
    redis_url: str, start_round: StartRound, proxy: Proxy, record: Record
) -> None:
    """One of two consumers hears nothing: its commands time out, and late they arrive all the same."""
    round_ = start_round(redis_url)
    between = proxy(redis_url)
    round_.start("b")
    round_.start("a", through=between.url)

    with round_.client() as client:
        committing = round_.random.choice(round_.lanes)
        between.hold_at(*committing.commit)
        assert between.has_fallen_silent.wait(10), "a commits when the silence begins"
        assert committing.pending(client, "a") > 0
        time.sleep(2 * SOCKET_TIMEOUT_S + 1)
        assert all(lane.pending(client, "a") == 0 for lane in round_.lanes), "b has claimed what a held"
    between.is_holding = False
    round_.wait_for_answers()
    round_.saw(silent_s=round(2 * SOCKET_TIMEOUT_S + 1))
    figures = round_.finish()
    assert figures["claimed"] > 0
    assert figures["fenced"] > 0
    record(figures)


def test_connections_killed_by_the_server(redis_url: str, start_round: StartRound, record: Record) -> None:
    round_ = start_round(redis_url)
    round_.start("a", "b")
    with round_.client() as client:
        for _ in range(30):
            time.sleep(round_.random.uniform(0.05, 0.2))
            round_.saw(connections_killed=int(client.client_kill_filter(_type="normal", skipme=True)))
    round_.wait_for_answers()
    figures = round_.finish()
    assert figures["connections_killed"] > 100
    assert figures["retried"] + figures["claimed"] > 0
    record(figures)
