"""Consumers are killed and stopped, at random and at the worst moments."""

from __future__ import annotations

import signal
import time
from functools import partial
from typing import Any

import pytest

from operations.verification.checker import Checker
from operations.verify import published
from tests.consumer.doomed import DEADLY
from tests.consumer.harness import HOUSING, ROW, answers, event, publish
from tests.faults.conftest import Record, StartProxy, StartRound
from tests.faults.domain_run import DomainRun
from tests.faults.harness import is_done, wait_for
from tests.faults.proxy import READ

pytestmark = pytest.mark.faults


def test_killed_at_random(redis_url: str, start_round: StartRound, record: Record) -> None:
    round_ = start_round(redis_url)
    for run in round_.runs:
        run.score_ms = 5  # so that a kill finds something in hand
    round_.start("a", "b")
    for _ in range(20):
        time.sleep(round_.random.uniform(0.05, 0.4))
        name = round_.random.choice("ab")
        with round_.client() as client:
            for run in round_.runs:
                run.kill(name)
                round_.count(kills=1, held_by_killed=run.pending(client, name))
                run.start(name)
    figures = round_.finish()
    assert figures["held_by_killed"] > 0
    assert figures["claimed"] > 0
    record(figures)


def test_killed_between_read_and_commit(
    redis_url: str, start_round: StartRound, start_proxy: StartProxy, record: Record
) -> None:
    round_ = start_round(redis_url)
    proxies = [start_proxy(redis_url) for _ in round_.runs]
    round_.start("b")
    for run, proxy in zip(round_.runs, proxies, strict=True):
        run.start("a", through=proxy.url)
    for life in range(4):
        for run, proxy in zip(round_.runs, proxies, strict=True):
            run.wait_until_up()
            proxy.withhold(*run.commit)
            assert proxy.has_withheld.wait(120)
            run.kill("a")
            with round_.client() as client:
                held = run.pending(client, "a")
            round_.count(kills=1, commits_withheld=1, held_by_killed=held)
            assert held > 0
            if life % 2:  # the next consumer of that name claims them; otherwise the other consumer does
                run.start("a", through=proxy.url)
            else:
                with round_.client() as client:
                    wait_for(lambda run=run, client=client: run.pending(client, "a") == 0, "all claimed by b")  # type: ignore[misc]
                run.start("a", through=proxy.url)
    figures = round_.finish()
    assert figures["claimed"] >= figures["held_by_killed"]
    record(figures)


def test_killed_before_the_reply_to_its_commit_arrives(
    redis_url: str, start_round: StartRound, start_proxy: StartProxy, record: Record
) -> None:
    round_ = start_round(redis_url)
    proxies = [start_proxy(redis_url) for _ in round_.runs]
    round_.start("b")
    for run, proxy in zip(round_.runs, proxies, strict=True):
        run.start("a", through=proxy.url)
    for _ in range(4):
        for run, proxy in zip(round_.runs, proxies, strict=True):
            run.wait_until_up()
            proxy.lose_reply_to(*run.commit)
            assert proxy.has_lost.wait(120)
            run.kill("a")
            round_.count(kills=1, replies_lost=1)
            run.start("a", through=proxy.url)
    record(round_.finish())


def test_reply_to_a_commit_lost(
    redis_url: str, start_round: StartRound, start_proxy: StartProxy, record: Record
) -> None:
    """The batch is committed again, and the fence keeps all of it out."""
    round_ = start_round(redis_url)
    proxies = [start_proxy(redis_url) for _ in round_.runs]
    for run, proxy in zip(round_.runs, proxies, strict=True):
        run.start("a", through=proxy.url)
    round_.start("b")
    for _ in range(5):
        for run, proxy in zip(round_.runs, proxies, strict=True):
            proxy.lose_reply_to(*run.commit)
            assert proxy.has_lost.wait(120)
            round_.count(replies_lost=1)
        round_.wait_for_answers()
    figures = round_.finish()
    assert figures["retried"] >= figures["replies_lost"]
    assert figures["fenced"] > 0
    assert not figures["gone_in_hand"]
    record(figures)


def test_reply_to_a_read_lost(redis_url: str, start_round: StartRound, start_proxy: StartProxy, record: Record) -> None:
    """What was delivered on the broken connection is pending under the name of a living consumer."""
    round_ = start_round(redis_url, claim_idle_ms=60_000)
    proxies = [start_proxy(redis_url) for _ in round_.runs]
    for run, proxy in zip(round_.runs, proxies, strict=True):
        run.start("a", through=proxy.url)
    round_.start("b")
    for _ in range(5):
        for proxy in proxies:
            proxy.lose_reply_to(READ)
            assert proxy.has_lost.wait(120)
            round_.count(replies_lost=1)
        round_.wait_for_answers()
    round_.count(bytes_lost=sum(proxy.bytes_lost for proxy in proxies))
    figures = round_.finish()
    assert figures["claimed"] > 0
    record(figures)


def test_stopped_for_longer_than_the_claim_time(redis_url: str, start_round: StartRound, record: Record) -> None:
    round_ = start_round(redis_url)
    for run in round_.runs:
        run.score_ms = 20
    round_.start("a", "b")
    with round_.client() as client:
        for name in "abab":
            for run in round_.runs:
                wait_for(lambda run=run, name=name: run.pending(client, name) > 0, f"{name} has something in hand")  # type: ignore[misc]
                run.signal(name, signal.SIGSTOP)
                round_.count(stops=1)
            for run in round_.runs:
                wait_for(lambda run=run, name=name: run.pending(client, name) == 0, f"what {name} held is claimed")  # type: ignore[misc]
                run.signal(name, signal.SIGCONT)
            round_.wait_for_answers()
    figures = round_.finish()
    assert figures["claimed"] > 0
    assert figures["fenced"] > 0
    record(figures)


def test_row_that_kills_its_consumer(redis_url: str, start_round: StartRound, record: Record) -> None:
    """It becomes poison, and its neighbours are answered, while the test restarts the consumers."""
    round_ = start_round(redis_url)
    round_.start("a", "b")

    def is_given_up(client: Any, run: DomainRun, entry: str) -> bool:
        for name, process in list(run.processes.items()):
            if process.exitcode is not None:
                assert process.exitcode == -signal.SIGKILL
                run.kill(name)
                run.start(name)
                round_.count(kills=1)
        return any(letter["id"] == entry for letter in answers(client, run.streams.dead_letters))

    with round_.client() as client:
        poison = [publish(client, run.streams, [event("deadly", {**ROW, "RM": DEADLY})])[0] for run in round_.runs]
        for run, entry in zip(round_.runs, poison, strict=True):
            wait_for(partial(is_given_up, client, run, entry), "the poison is a dead letter")
    figures = round_.finish()
    assert figures["kills"] >= 2 * 3
    with round_.client() as client:
        for run, entry in zip(round_.runs, poison, strict=True):
            letters = answers(client, run.streams.dead_letters)
            assert [letter["data"]["reason"] for letter in letters if letter["id"] == entry] == ["poison"]
            round_.count(poison=1)
    record(figures | {"poison": round_.counts["poison"]})


def test_commit_that_acknowledges_before_it_writes_is_detected(
    redis_url: str, start_round: StartRound, record: Record
) -> None:
    """The same kills with a broken commit: the checker must find the lost entries."""
    round_ = start_round(redis_url)
    for run in round_.runs:
        run.is_broken = True
    round_.start("a", "b")
    for _ in range(8):
        for run in round_.runs:
            run.wait_until_up()
            time.sleep(round_.random.uniform(0.2, 0.4))
            run.kill("a")
            run.start("a")
            round_.count(kills=1)
    with round_.client() as client:
        for run in round_.runs:
            run.load.stop()
            last = run.load.receipts[-1]
            wait_for(partial(is_done, client, run.streams, last), "nothing pending")
            report = Checker(client, run.streams, HOUSING, 60_000).check(set(published(client, run.streams)))
            assert report.problem_counts.get("lost", 0) > 0
            round_.count(found_lost=report.problem_counts["lost"])
    record(dict(round_.counts))
