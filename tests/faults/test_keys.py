"""Users destroy the consumer group, flush everything, and delete and trim pending entries."""

from __future__ import annotations

import time

import pytest

from operations.verify import verify
from schemas.streams import SCORERS
from tests.conftest import StartRedis
from tests.faults.conftest import Record, StartRound
from tests.faults.domain_run import activate

pytestmark = pytest.mark.faults


def test_group_destroyed_again_and_again(redis_url: str, start_round: StartRound, record: Record) -> None:
    round_ = start_round(redis_url)
    for run in round_.runs:
        run.score_ms = 2
    round_.start("a", "b")
    with round_.client() as client:
        for _ in range(8):
            round_.wait_for_answers(20)
            time.sleep(round_.random.uniform(0.0, 0.3))
            for run in round_.runs:
                held = run.pending(client)
                round_.count(destroyed=int(client.xgroup_destroy(run.streams.listings, SCORERS)), held_by_group=held)
            round_.wait_for_answers(20)
    figures = round_.finish()
    assert figures["destroyed"] == 16
    assert figures["fenced"] > 0
    assert figures["held_by_group"] > 0
    record(figures)


def test_everything_flushed(private_redis: StartRedis, start_round: StartRound, record: Record) -> None:
    """What was published before is lost; what comes after is answered once, with ids that start again."""
    server = private_redis()
    round_ = start_round(server.url)
    round_.start("a", "b")
    with round_.client() as client:
        for _ in range(3):
            for run in round_.runs:
                run.load.pause()
            round_.count(flushed=sum(run.answered(client) for run in round_.runs))
            model_events = {run.streams: client.xrange(run.streams.model_events) for run in round_.runs}
            client.flushall()
            for run in round_.runs:
                run.load.receipts.clear()
                # consumers keep their model, and the check has to find its activation
                for entry_id, fields in model_events[run.streams]:
                    client.xadd(run.streams.model_events, fields, id=entry_id)
                activate(client, run.streams, 2)
                run.load.resume()
            round_.wait_for_answers()
    figures = round_.finish()
    assert figures["flushed"] > 0
    record(figures)


def test_pending_entries_deleted_and_trimmed(redis_url: str, start_round: StartRound, record: Record) -> None:
    """Each gets an outcome: `payload_gone`, or that of its payload where a consumer still had it in hand."""
    round_ = start_round(redis_url)
    for run in round_.runs:
        run.score_ms = 5
    round_.start("a", "b")
    gone: dict[str, list[str]] = {run.streams.prefix: [] for run in round_.runs}
    with round_.client() as client:
        for number in range(20):
            time.sleep(round_.random.uniform(0.02, 0.2))
            for run in round_.runs:
                name = round_.random.choice("ab")
                run.kill(name)  # so that some pending entries are in no consumer's hand
                held = [e["message_id"] for e in client.xpending_range(run.streams.listings, SCORERS, "-", "+", 50)]
                if number % 4 == 3 and held:
                    newest = held[-1].decode()
                    before = client.xrange(run.streams.listings, "-", newest)
                    client.xtrim(run.streams.listings, minid=newest, approximate=False)
                    round_.count(trimmed=len(before) - 1)
                    gone[run.streams.prefix] += [entry_id.decode() for entry_id, _ in before[:-1]]
                elif held:
                    round_.count(deleted=int(client.xdel(run.streams.listings, *held)))
                    gone[run.streams.prefix] += [entry_id.decode() for entry_id in held]
                run.start(name)
    figures = round_.finish()
    with round_.client() as client:
        for run in round_.runs:
            verdict = verify(client, run.streams, gone[run.streams.prefix])
            assert verdict.is_kept, verdict
            figures["payload_gone"] = figures.get("payload_gone", 0) + int(
                client.hget(run.streams.progress, "refused:payload_gone") or 0
            )
    assert figures["deleted"] > 0
    assert figures["trimmed"] > 0
    assert figures["payload_gone"] > 0
    record(figures)
