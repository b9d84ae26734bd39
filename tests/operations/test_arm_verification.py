"""Verification of the arms and pairs of a rollout that a real consumer carried out, untouched and after tampering."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from operations.verification.checker import Checker
from operations.verification.report import VerificationReport
from schemas.pairs import PAIR
from schemas.streams import Streams
from tests.consumer.harness import (
    HOUSING,
    Client,
    PlainScorer,
    count,
    event,
    publish,
    publish_numbered,
    running,
    served,
    settings_for,
)
from tests.consumer.rollouts import CHALLENGER, OddScorer, announce_rollout, carry_out, is_concerned, write_rollout
from tests.faults.domain_run import activate
from tests.waiting import wait_until_async


def _check(client: Client, streams: Streams, ids: list[str]) -> VerificationReport:
    return Checker(client, streams, HOUSING, 30_000).check(ids, is_everything=True)


async def _carry_out(
    client: Client, url: str, streams: Streams, scorer: PlainScorer | None = None, **changes: Any
) -> list[str]:
    """Publish listings in a rollout, and after its share has grown; wait until they are answered."""
    activation = activate(client, streams, 1)
    rollout = announce_rollout(client, streams, **changes)
    settings = settings_for(streams.prefix, window={"full_batch_rows": 30})
    async with running(url, settings, model=served(activation)) as consumer:
        state = await carry_out(client, consumer, scorer, id=rollout, revision=rollout, **changes)
        ids = publish_numbered(client, streams, 100)
        ids += publish(client, streams, [b"junk", event("l-1"), event("s", subject="house-7")])
        await wait_until_async(lambda: count(client, streams, "answered") == len(ids))
        larger = {"id": rollout, "share": 0.75, "mode": changes.get("mode", "canary")}
        revision = announce_rollout(client, streams, "rollout.adjusted", **larger)
        write_rollout(client, streams, state.model_copy(update={"share": 0.75, "revision": revision}))
        consumer.rollouts.wakeup.set()
        await wait_until_async(lambda: consumer.rollouts.served and consumer.rollouts.served.state.share == 0.75)
        ids += publish_numbered(client, streams, 100, first=100)
        await wait_until_async(lambda: count(client, streams, "answered") == len(ids))
    return ids


@pytest.mark.parametrize("mode", ["shadow", "canary"])
async def test_what_a_consumer_wrote_in_a_rollout_is_sound(
    redis_client: Client, redis_url: str, streams: Streams, mode: str
) -> None:
    ids = await _carry_out(redis_client, redis_url, streams, mode=mode)
    report = _check(redis_client, streams, ids)
    assert report.is_complete, report.problems
    assert (report.predictions, report.arms, report.batches_unseen, report.is_sum_checked) == (201, 201, 0, True)
    concerned = sum(is_concerned(f"l-{i}", 0.5 if i < 100 else 0.75) for i in range(200))
    assert report.pairs in {concerned, concerned + 1}  # with or without the subject


async def test_fallbacks_are_sound(redis_client: Client, redis_url: str, streams: Streams) -> None:
    """A challenger without an answer to every second listing."""

    def drop(_: Any, prices: Any) -> Any:
        prices[::2] = np.nan
        return prices

    ids = await _carry_out(redis_client, redis_url, streams, OddScorer(drop))
    report = _check(redis_client, streams, ids)
    assert report.is_complete, report.problems
    models = [json.loads(f[b"data"])["data"]["model"] for _, f in redis_client.xrange(streams.predictions)]
    assert 20 < sum("fallback" in model for model in models) < 100


def _tamper(client: Client, streams: Streams, change: Callable[[dict[str, Any]], None]) -> str:
    """Rewrite the first prediction of the challenger in place; returns its listing's entry id."""
    entries: Any = client.xrange(streams.predictions)
    at = next(i for i, (_, f) in enumerate(entries) if b'"arm":"challenger"' in f[b"data"])
    forged = json.loads(entries[at][1][b"data"])
    change(forged["data"])
    entries[at][1][b"data"] = json.dumps(forged)
    client.delete(streams.predictions)
    for entry_id, fields in entries:
        client.xadd(streams.predictions, fields, id=entry_id)
    return str(forged["id"])


async def test_an_arm_that_the_hash_does_not_give_is_named(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    ids = await _carry_out(redis_client, redis_url, streams)
    entry = _tamper(redis_client, streams, lambda data: data["model"].update(arm="champion"))
    messages = [p.message for p in _check(redis_client, streams, ids).problems if p.entry == entry]
    assert "its arm is champion, but should be challenger" in messages
    assert "the pair and the prediction disagree about the arm" in messages


async def test_a_rollout_that_never_existed_is_named(redis_client: Client, redis_url: str, streams: Streams) -> None:
    ids = await _carry_out(redis_client, redis_url, streams)
    entry = _tamper(redis_client, streams, lambda data: data["model"].update(rollout="7-0"))
    messages = [p.message for p in _check(redis_client, streams, ids).problems if p.entry == entry]
    assert "its rollout 7-0 never existed" in messages


async def test_pairs_that_are_missing_doubled_or_changed_are_named(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    ids = await _carry_out(redis_client, redis_url, streams)
    # one of the first ones, which the rollout concerned throughout
    entry, fields = next(e for e in redis_client.xrange(streams.shadows) if int(e[1][b"count"]) > 3)
    pairs = np.frombuffer(fields[b"pairs"], dtype=PAIR).copy()
    pairs["challenger"][0] = CHALLENGER
    pairs[1] = pairs[2]
    redis_client.xdel(streams.shadows, entry)
    redis_client.xadd(streams.shadows, {**fields, b"pairs": pairs.tobytes()})
    report = _check(redis_client, streams, ids)
    assert {problem.kind for problem in report.problems} == {"pair"}
    messages = {problem.message.split(",")[-1].strip() for problem in report.problems}
    assert messages == {"but its pair says 3.0", "has more than one pair", "has no pair"}
