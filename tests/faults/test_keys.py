"""Users who destroy the group, flush everything, delete and trim what is pending."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from operations.verify import verify
from schemas.streams import SCORERS
from tests.conftest import PrivateRedis
from tests.faults.conftest import StartRound
from tests.faults.domain_run import activate

pytestmark = pytest.mark.faults
Record = Callable[[dict[str, Any]], None]


def test_group_destroyed_again_and_again(redis_url: str, start_round: StartRound, record: Record) -> None:
    round_ = start_round(redis_url)
    for lane in round_.lanes:
        lane.score_ms = 2
    round_.start("a", "b")
    with round_.client() as client:
        for _ in range(8):
            round_.wait_for_answers(20)
            time.sleep(round_.random.uniform(0.0, 0.3))
            for lane in round_.lanes:
                held = lane.pending(client)
                round_.saw(destroyed=int(client.xgroup_destroy(lane.streams.listings, SCORERS)), held_by_group=held)
            round_.wait_for_answers(20)
    figures = round_.finish()
    assert figures["destroyed"] == 16
    assert figures["fenced"] > 0
    assert figures["held_by_group"] > 0
    record(figures)


def test_everything_flushed(private_redis: PrivateRedis, start_round: StartRound, record: Record) -> None:
    """What was published before is gone; what comes after is answered once, with ids that begin again."""
    server = private_redis()
    round_ = start_round(server.url)
    round_.start("a", "b")
    with round_.client() as client:
        for _ in range(3):
            for lane in round_.lanes:
                lane.load.pause()
            round_.saw(flushed=sum(lane.answered(client) for lane in round_.lanes))
            told = {lane.streams: client.xrange(lane.streams.model_events) for lane in round_.lanes}
            client.flushall()
            for lane in round_.lanes:
                lane.load.receipts.clear()
                # consumers go on with the model they have, and the check shall know that it was activated once
                for entry_id, fields in told[lane.streams]:
                    client.xadd(lane.streams.model_events, fields, id=entry_id)
                activate(client, lane.streams, 2)
                lane.load.go_on()
            round_.wait_for_answers()
    figures = round_.finish()
    assert figures["flushed"] > 0
    record(figures)


def test_pending_entries_deleted_and_trimmed(redis_url: str, start_round: StartRound, record: Record) -> None:
    """Each gets an outcome: that of its payload where a consumer had it in hand, else `payload_gone`."""
    round_ = start_round(redis_url)
    for lane in round_.lanes:
        lane.score_ms = 5
    round_.start("a", "b")
    gone: dict[str, list[str]] = {lane.streams.prefix: [] for lane in round_.lanes}
    with round_.client() as client:
        for number in range(20):
            time.sleep(round_.random.uniform(0.02, 0.2))
            for lane in round_.lanes:
                name = round_.random.choice("ab")
                lane.kill(name)  # so that something is left that nobody has in hand
                held = [e["message_id"] for e in client.xpending_range(lane.streams.listings, SCORERS, "-", "+", 50)]
                if number % 4 == 3 and held:
                    newest = held[-1].decode()
                    before = client.xrange(lane.streams.listings, "-", newest)
                    client.xtrim(lane.streams.listings, minid=newest, approximate=False)
                    round_.saw(trimmed=len(before) - 1)
                    gone[lane.streams.prefix] += [entry_id.decode() for entry_id, _ in before[:-1]]
                elif held:
                    round_.saw(deleted=int(client.xdel(lane.streams.listings, *held)))
                    gone[lane.streams.prefix] += [entry_id.decode() for entry_id in held]
                lane.start(name)
    figures = round_.finish()
    with round_.client() as client:
        for lane in round_.lanes:
            verdict = verify(client, lane.streams, gone[lane.streams.prefix])
            assert verdict.is_kept, verdict
            figures["payload_gone"] = figures.get("payload_gone", 0) + int(
                client.hget(lane.streams.progress, "refused:payload_gone") or 0
            )
    assert figures["deleted"] > 0
    assert figures["trimmed"] > 0
    assert figures["payload_gone"] > 0
    record(figures)
