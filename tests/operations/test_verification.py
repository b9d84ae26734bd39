"""Verification of what a real consumer wrote, untouched and after tampering."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from consumer.committer import Committer
from operations.verification.checker import Checker
from operations.verification.report import VerificationReport, allowed_pending_ms
from operations.verification.scope import read_receipts
from schemas.domain import load_domain
from schemas.errors import DataError
from schemas.settings import Settings
from schemas.streams import SCORERS, Streams
from tests.consumer.harness import (
    Client,
    count,
    event,
    publish,
    publish_numbered,
    running,
    served,
    settings_for,
)
from tests.faults.domain_run import activate
from tests.operations.answers import deliver, predict
from tests.operations.answers import publish as publish_bare
from tests.waiting import wait_until_async
from transport.clock import now_ms
from transport.reading import last_delivered, pending

HOUSING = load_domain("housing")


def check(
    client: Client, streams: Streams, ids: list[str], allowed_ms: int = 30_000, **options: Any
) -> VerificationReport:
    return Checker(client, streams, HOUSING, allowed_ms).check(ids, **options)


def is_delivered_and_done(client: Client, streams: Streams, last: str) -> bool:
    return str(last_delivered(client, streams)) == last and not list(pending(client, streams))


async def score(client: Client, url: str, streams: Streams, number: int = 300) -> list[str]:
    """Publish listings, junk and repeats, and wait until a consumer that samples its window has answered them."""
    activation = activate(client, streams, 1)
    settings = settings_for(streams.prefix, window={"full_batch_rows": 30})
    async with running(url, settings, model=served(activation)):
        ids = publish_numbered(client, streams, number)
        ids += publish(client, streams, [b"junk", event("l-1")])
        await wait_until_async(lambda: count(client, streams, "answered") == len(ids))
    return ids


async def test_what_a_consumer_wrote_is_sound(redis_client: Client, redis_url: str, streams: Streams) -> None:
    ids = await score(redis_client, redis_url, streams)
    report = check(redis_client, streams, ids, is_everything=True)
    assert report.is_complete, report.problems
    assert report.verdict.outcomes == {"prediction": 300, "dead_letter": 1, "repeat": 1}
    assert (report.predictions, report.is_sum_checked, report.batches_unseen) == (300, True, 0)
    assert report.batches >= 3
    assert 75 <= report.rows < 300


async def test_a_prediction_that_was_changed_disagrees_with_window_and_sum(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    ids = await score(redis_client, redis_url, streams)
    ((last, fields),) = redis_client.xrevrange(streams.predictions, count=1)
    forged = json.loads(fields[b"data"])
    forged["data"]["prediction"] += 1
    redis_client.xdel(streams.predictions, last)
    redis_client.xadd(streams.predictions, {"data": json.dumps(forged)}, id=f"{last.decode().split('-')[0]}-9999")
    report = check(redis_client, streams, ids, is_everything=True)
    assert report.problem_counts["counts"] == 1
    assert "the counted sum is" in report.problems[-1].message
    # the batch that ended with it can no longer be found
    assert report.batches_unseen == 1


async def test_a_row_that_was_changed_is_named(redis_client: Client, redis_url: str, streams: Streams) -> None:
    ids = await score(redis_client, redis_url, streams)
    ((entry, fields),) = redis_client.xrange(streams.window, count=1)
    rows = bytearray(fields[b"rows"])
    rows[16:24] = bytes(8)
    redis_client.delete(streams.window)
    redis_client.xadd(streams.window, {**fields, b"rows": bytes(rows), b"sum": b"1.0"}, id=entry)
    report = check(redis_client, streams, ids)
    messages = [problem.message for problem in report.problems]
    assert [problem.kind for problem in report.problems] == ["window", "window"]
    assert "has the sum 1.0" in messages[0]
    assert f"predicted 13.0, but window {entry.decode()} has 0.0" in messages[1]


async def test_an_activation_that_never_existed_is_named(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    activate(redis_client, streams, 1)
    async with running(redis_url, settings_for(streams.prefix), model=served("1-0")):
        (entry,) = publish_numbered(redis_client, streams, 1)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1)
    (problem,) = check(redis_client, streams, [entry]).problems
    assert (problem.kind, problem.entry, problem.message) == ("activation", entry, "its activation 1-0 never existed")


async def test_a_consumer_that_goes_back_to_an_older_activation_is_named(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    older, newer = activate(redis_client, streams, 1), activate(redis_client, streams, 1)
    ids: list[str] = []
    for name, activation in (("a", newer), ("b", older), ("a", older)):
        async with running(redis_url, settings_for(streams.prefix), name, served(activation)):
            ids += publish_numbered(redis_client, streams, 1, first=len(ids))
            (last,) = ids[-1:]
            await wait_until_async(partial(is_delivered_and_done, redis_client, streams, last))
    (problem,) = check(redis_client, streams, ids).problems
    assert problem.kind == "order"
    assert f"consumer a predicted with activation {older} after {newer}" in problem.message
    assert check(redis_client, streams, ids[:2]).is_complete


async def test_counts_that_disagree_are_named(redis_client: Client, redis_url: str, streams: Streams) -> None:
    ids = await score(redis_client, redis_url, streams, 10)
    redis_client.hincrby(streams.progress, "scored", -1)
    redis_client.hincrby(streams.progress, "refused", 1)
    report = check(redis_client, streams, ids, is_everything=True)
    assert [problem.message for problem in report.problems] == [
        "refused 2, but 1 by reason",
        "10 predictions in the streams, but 9 counted",
    ]


@pytest.mark.usefixtures("group")
def test_an_entry_is_late_even_if_it_is_renewed(redis_client: Client, streams: Streams) -> None:
    """Its idle time is 0, but a younger entry was answered long ago."""
    activate(redis_client, streams, 7)
    ids = publish_bare(redis_client, streams, 2)
    deliver(redis_client, streams, 2)
    answered = predict(redis_client, streams, ids[1])
    redis_client.xclaim(streams.listings, SCORERS, "a1", 0, [ids[0]], justid=True)
    later = int(answered.split("-")[0]) + 100
    while now_ms(redis_client) <= later:
        redis_client.xclaim(streams.listings, SCORERS, "a1", 0, [ids[0]], justid=True)
    report = check(redis_client, streams, ids, allowed_ms=50)
    assert report.late == 1
    assert [(p.kind, p.entry) for p in report.problems if p.kind == "late"] == [("late", ids[0])]
    assert check(redis_client, streams, ids, allowed_ms=60_000).late == 0
    assert check(redis_client, streams, ids[1:], allowed_ms=50).late == 0


@pytest.mark.usefixtures("group")
def test_an_entry_of_the_future_is_late_once_it_is_pending_too_long(redis_client: Client, streams: Streams) -> None:
    activate(redis_client, streams, 7)
    ahead = f"{now_ms(redis_client) + 86_400_000}-0"
    redis_client.xadd(streams.listings, {"data": "{}"}, id=ahead)
    deliver(redis_client, streams, 1)
    assert check(redis_client, streams, [ahead], allowed_ms=60_000).late == 0
    redis_client.xclaim(streams.listings, SCORERS, "a1", 0, [ahead], idle=120_000, justid=True)
    assert check(redis_client, streams, [ahead], allowed_ms=60_000).late == 1


async def test_a_commit_that_acknowledges_apart_from_writing_is_caught(
    redis_client: Client, redis_url: str, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many consumers acknowledge first and answer afterwards; a crash in between loses the entry."""
    commit = Committer.commit

    async def acknowledge_and_die(self: Any, batch: Any) -> Any:
        redis_client.xack(streams.listings, SCORERS, *batch.entry_ids)
        return await commit(self, batch)

    activation = activate(redis_client, streams, 1)
    async with running(redis_url, settings_for(streams.prefix), model=served(activation)):
        ids = publish_numbered(redis_client, streams, 50)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 50)
        assert check(redis_client, streams, ids).is_complete
        monkeypatch.setattr(Committer, "commit", acknowledge_and_die)
        lost = publish_numbered(redis_client, streams, 5, first=50)
        await wait_until_async(lambda: is_delivered_and_done(redis_client, streams, lost[-1]))
    report = check(redis_client, streams, ids + lost)
    assert not report.is_sound
    assert report.problem_counts == {"lost": 5}
    assert [problem.entry for problem in report.problems] == lost


async def test_a_commit_without_a_fence_is_caught(redis_client: Client, redis_url: str, streams: Streams) -> None:
    """At-least-once consumers write the answer first and acknowledge afterwards, so they can answer twice."""
    ids = await score(redis_client, redis_url, streams, 10)
    for entry in ids[:3]:
        predict(redis_client, streams, entry, 13.0)
    report = check(redis_client, streams, ids)
    assert report.problem_counts["doubled"] == 3
    assert {problem.entry for problem in report.problems if problem.kind == "doubled"} == set(ids[:3])


def test_allowed_pending_time_covers_every_delivery() -> None:
    assert allowed_pending_ms(Settings(claim_idle_ms=5000, max_deliveries=3)) == 30_000


def test_receipts_are_bare_ids_or_json_lines() -> None:
    lines = ["1-0\n", "\n", '{"entry": "2-0", "id": "l-2"}\n', '{"id": "3-1"}\n', "4\n"]
    assert list(read_receipts(lines, "stdin")) == ["1-0", "2-0", "3-1", "4-0"]


@pytest.mark.parametrize("line", ["l-1", '{"entry": 3}', "{", "1-0 2-0"])
def test_a_receipt_without_an_entry_id_is_named(line: str) -> None:
    with pytest.raises(DataError, match=r"receipts\.jsonl line 2: no entry id"):
        list(read_receipts(["1-0", line], "receipts.jsonl"))
