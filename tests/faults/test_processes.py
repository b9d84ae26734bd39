"""Consumers that are killed and stopped, at random and in the worst moments."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from operations.verification.report import Checker
from operations.verify import published
from tests.consumer.doomed import DEADLY
from tests.consumer.harness import HOUSING, ROW, answers, event, publish
from tests.faults.conftest import Proxy, StartRound
from tests.faults.domain_run import DomainRun
from tests.faults.harness import is_done, wait_for
from tests.faults.proxy import READ

pytestmark = pytest.mark.faults
Record = Callable[[dict[str, Any]], None]


def test_killed_at_random(redis_url: str, start_round: StartRound, record: Record) -> None:
    round_ = start_round(redis_url)
    for lane in round_.lanes:
        lane.score_ms = 5  # so that a kill finds something in hand
    round_.start("a", "b")
    for _ in range(20):
        time.sleep(round_.random.uniform(0.05, 0.4))
        name = round_.random.choice("ab")
        with round_.client() as client:
            for lane in round_.lanes:
                lane.kill(name)
                round_.saw(kills=1, held_by_killed=lane.pending(client, name))
                lane.start(name)
    figures = round_.finish()
    assert figures["held_by_killed"] > 0
    assert figures["claimed"] > 0
    record(figures)


def test_killed_between_read_and_commit(redis_url: str, start_round: StartRound, proxy: Proxy, record: Record) -> None:
    round_ = start_round(redis_url)
    proxies = [proxy(redis_url) for _ in round_.lanes]
    round_.start("b")
    for lane, between in zip(round_.lanes, proxies, strict=True):
        lane.start("a", through=between.url)
    for life in range(4):
        for lane, between in zip(round_.lanes, proxies, strict=True):
            lane.wait_up()
            between.withhold(*lane.commit)
            assert between.has_withheld.wait(10)
            lane.kill("a")
            with round_.client() as client:
                held = lane.pending(client, "a")
            round_.saw(kills=1, commits_withheld=1, held_by_killed=held)
            assert held > 0
            if life % 2:  # the next of that name finds them first, and otherwise the other consumer has to
                lane.start("a", through=between.url)
            else:
                with round_.client() as client:
                    wait_for(lambda lane=lane, client=client: lane.pending(client, "a") == 0, "all claimed by b")  # type: ignore[misc]
                lane.start("a", through=between.url)
    figures = round_.finish()
    assert figures["claimed"] >= figures["held_by_killed"]
    record(figures)


def test_killed_while_the_reply_of_its_commit_is_on_the_way(
    redis_url: str, start_round: StartRound, proxy: Proxy, record: Record
) -> None:
    round_ = start_round(redis_url)
    proxies = [proxy(redis_url) for _ in round_.lanes]
    round_.start("b")
    for lane, between in zip(round_.lanes, proxies, strict=True):
        lane.start("a", through=between.url)
    for _ in range(4):
        for lane, between in zip(round_.lanes, proxies, strict=True):
            lane.wait_up()
            between.lose_reply_to(*lane.commit)
            assert between.has_lost.wait(10)
            lane.kill("a")
            round_.saw(kills=1, replies_lost=1)
            lane.start("a", through=between.url)
    record(round_.finish())


def test_reply_of_a_commit_lost(redis_url: str, start_round: StartRound, proxy: Proxy, record: Record) -> None:
    """The batch is committed again and fenced off whole."""
    round_ = start_round(redis_url)
    proxies = [proxy(redis_url) for _ in round_.lanes]
    for lane, between in zip(round_.lanes, proxies, strict=True):
        lane.start("a", through=between.url)
    round_.start("b")
    for _ in range(5):
        for lane, between in zip(round_.lanes, proxies, strict=True):
            between.lose_reply_to(*lane.commit)
            assert between.has_lost.wait(20)
            round_.saw(replies_lost=1)
        round_.wait_for_answers()
    figures = round_.finish()
    assert figures["retried"] >= figures["replies_lost"]
    assert figures["fenced"] > 0
    assert not figures["gone_in_hand"]
    record(figures)


def test_reply_of_a_read_lost(redis_url: str, start_round: StartRound, proxy: Proxy, record: Record) -> None:
    """What was delivered on the broken connection is pending under a living consumer's name."""
    round_ = start_round(redis_url, claim_idle_ms=60_000)
    proxies = [proxy(redis_url) for _ in round_.lanes]
    for lane, between in zip(round_.lanes, proxies, strict=True):
        lane.start("a", through=between.url)
    round_.start("b")
    for _ in range(5):
        for between in proxies:
            between.lose_reply_to(READ)
            assert between.has_lost.wait(20)
            round_.saw(replies_lost=1)
        round_.wait_for_answers()
    round_.saw(bytes_lost=sum(between.bytes_lost for between in proxies))
    figures = round_.finish()
    assert figures["claimed"] > 0
    record(figures)


def test_stopped_for_longer_than_the_claim_time(redis_url: str, start_round: StartRound, record: Record) -> None:
    round_ = start_round(redis_url)
    for lane in round_.lanes:
        lane.score_ms = 20
    round_.start("a", "b")
    with round_.client() as client:
        for name in "abab":
            for lane in round_.lanes:
                wait_for(lambda lane=lane, name=name: lane.pending(client, name) > 0, f"{name} has something in hand")  # type: ignore[misc]
                lane.signal(name, signal.SIGSTOP)
                round_.saw(stops=1)
            for lane in round_.lanes:
                wait_for(lambda lane=lane, name=name: lane.pending(client, name) == 0, f"what {name} held is claimed")  # type: ignore[misc]
                lane.signal(name, signal.SIGCONT)
            round_.wait_for_answers()
    figures = round_.finish()
    assert figures["claimed"] > 0
    assert figures["fenced"] > 0
    record(figures)


def test_row_that_kills_who_scores_it(redis_url: str, start_round: StartRound, record: Record) -> None:
    """It becomes poison, and its neighbours are answered. Somebody starts the consumers again, as an operator does."""
    round_ = start_round(redis_url)
    round_.start("a", "b")

    def is_given_up(client: Any, lane: DomainRun, entry: str) -> bool:
        for name, process in list(lane.processes.items()):
            if process.exitcode is not None:
                assert process.exitcode == -signal.SIGKILL
                lane.kill(name)
                lane.start(name)
                round_.saw(kills=1)
        return any(letter["id"] == entry for letter in answers(client, lane.streams.dead_letters))

    with round_.client() as client:
        poison = [publish(client, lane.streams, [event("deadly", {**ROW, "RM": DEADLY})])[0] for lane in round_.lanes]
        for lane, entry in zip(round_.lanes, poison, strict=True):
            wait_for(partial(is_given_up, client, lane, entry), "given up")
    figures = round_.finish()
    assert figures["kills"] >= 2 * 3
    with round_.client() as client:
        for lane, entry in zip(round_.lanes, poison, strict=True):
            letters = answers(client, lane.streams.dead_letters)
            assert [letter["data"]["reason"] for letter in letters if letter["id"] == entry] == ["poison"]
            round_.saw(poison=1)
    record(figures | {"poison": round_.seen["poison"]})


def test_commit_that_acknowledges_apart_from_writing_is_caught(
    redis_url: str, start_round: StartRound, record: Record
) -> None:
    """The same kills with a broken commit: the checker must find what it lost."""
    round_ = start_round(redis_url)
    for lane in round_.lanes:
        lane.is_broken = True
    round_.start("a", "b")
    for _ in range(8):
        for lane in round_.lanes:
            lane.wait_up()
            time.sleep(round_.random.uniform(0.2, 0.4))
            lane.kill("a")
            lane.start("a")
            round_.saw(kills=1)
    with round_.client() as client:
        for lane in round_.lanes:
            lane.load.stop()
            last = lane.load.receipts[-1]
            wait_for(partial(is_done, client, lane.streams, last), "nothing pending")
            report = Checker(client, lane.streams, HOUSING, 60_000).check(set(published(client, lane.streams)))
            assert report.problem_counts.get("lost", 0) > 0
            round_.saw(found_lost=report.problem_counts["lost"])
    record(dict(round_.seen))
