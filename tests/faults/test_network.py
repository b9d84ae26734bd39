"""A network between consumers and Redis that delays, resets, cuts and falls silent."""

from __future__ import annotations

import time

import pytest

from tests.faults.conftest import Record, StartProxy, StartRound
from transport.connection import SOCKET_TIMEOUT_S

pytestmark = pytest.mark.faults


def test_connections_cut_reset_and_delayed(
    redis_url: str, start_round: StartRound, start_proxy: StartProxy, record: Record
) -> None:
    round_ = start_round(redis_url)
    proxy = start_proxy(redis_url)
    round_.start("a", "b", through=proxy.url)
    for _ in range(20):
        proxy.delay_s = round_.random.choice([0, 0, 0.01, 0.1])
        time.sleep(round_.random.uniform(0.02, 0.3))
        proxy.cut(is_abrupt=round_.random.random() < 0.5)
        proxy.is_refusing = round_.random.random() < 0.2
        time.sleep(round_.random.uniform(0.02, 0.2))
        proxy.is_refusing = False
    proxy.delay_s = 0
    round_.wait_for_answers()
    round_.count(connections_cut=proxy.connections_cut)
    figures = round_.finish()
    assert figures["connections_cut"] > 20
    assert figures["retried"] + figures["claimed"] > 0
    record(figures)


def test_silence_longer_than_every_timeout(
    redis_url: str, start_round: StartRound, start_proxy: StartProxy, record: Record
) -> None:
    """The commands of one of two consumers time out, and arrive late all the same."""
    round_ = start_round(redis_url)
    proxy = start_proxy(redis_url)
    round_.start("b")
    round_.start("a", through=proxy.url)

    with round_.client() as client:
        committing = round_.random.choice(round_.runs)
        proxy.hold_at(*committing.commit)
        assert proxy.has_fallen_silent.wait(120), "a commits when the silence begins"
        assert committing.pending(client, "a") > 0
        time.sleep(2 * SOCKET_TIMEOUT_S + 1)
        assert all(run.pending(client, "a") == 0 for run in round_.runs), "b has claimed what a held"
    proxy.is_holding = False
    round_.wait_for_answers()
    round_.count(silent_s=round(2 * SOCKET_TIMEOUT_S + 1))
    figures = round_.finish()
    assert figures["claimed"] > 0
    assert figures["fenced"] > 0
    record(figures)


def test_connections_killed_by_the_server(redis_url: str, start_round: StartRound, record: Record) -> None:
    round_ = start_round(redis_url)
    round_.start("a", "b")
    with round_.client() as client:
        for _ in range(60):
            time.sleep(round_.random.uniform(0.05, 0.2))
            round_.count(connections_killed=int(client.client_kill_filter(_type="normal", skipme=True)))
    round_.wait_for_answers()
    figures = round_.finish()
    assert figures["connections_killed"] > 100
    assert figures["retried"] + figures["claimed"] > 0
    record(figures)
