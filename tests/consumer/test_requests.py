"""Predictions that are to be explained are requested in the commit, and no request ever costs a listing its outcome."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from consumer.consumer import Consumer
from schemas.explanations import ExplainRequest
from schemas.streams import SCORERS, Streams
from tests.consumer.harness import (
    ROW,
    Client,
    answers,
    count,
    event,
    outcomes,
    publish,
    running,
    served,
    settings_for,
)
from tests.consumer.test_replies import UserOfConsumer, open_stream, user
from tests.waiting import wait_until_async

__all__ = ["user"]

MODEL = replace(served(), digest="d" * 64, uri="/models/1")


def requests(client: Client, streams: Streams) -> list[tuple[bytes, ExplainRequest]]:
    """The requests: the prediction's JSON, and what an explainer gets beside it."""
    entries: Any = client.xrange(streams.explain)
    return [(fields[b"data"], ExplainRequest.model_validate_json(fields[b"request"])) for _, fields in entries]


async def wait_for(consumer: Consumer, **counts: float) -> None:
    """Wait until a consumer has counted its requests."""

    def counted() -> dict[str, float | None]:
        name = "tasador_explain_requests_total"
        return {result: consumer.registry.get_sample_value(name, {"result": result}) for result in counts}

    await wait_until_async(lambda: counted() == counts)


async def test_a_prediction_that_is_to_be_explained_is_requested_once_with_its_row(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    gap = {name: value for name, value in ROW.items() if name != "LSTAT"}
    payloads = [
        event("plain"),
        event("asked", gap, explain=True),
        event("no", explain=False),
        event("asked", gap, explain=True),  # a repeat
        event("bad", {**ROW, "RM": 99}, explain=True),
        b'{"explain":true}',
    ]
    publish(redis_client, streams, payloads)
    async with running(redis_url, settings_for(streams.prefix), model=MODEL) as consumer:
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 6)
        publish(redis_client, streams, [event("late", explain=True)])
        await wait_for(consumer, written=2, full=0, failed=0, forbidden=0)
    (first, request), (second, _) = requests(redis_client, streams)
    predictions = [fields[b"data"] for _, fields in redis_client.xrange(streams.predictions)]
    assert first in predictions
    assert [json.loads(each)["data"]["listing_id"] for each in (first, second)] == ["asked", "late"]
    assert request == ExplainRequest(features={**ROW, "LSTAT": None}, digest="d" * 64, uri="/models/1")
    assert count(redis_client, streams, "imputed") == 1
    assert count(redis_client, streams, "unusual") == 0


async def test_a_share_of_the_other_listings_is_requested(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    publish(redis_client, streams, [event(f"l-{n}", explain=False if n < 100 else None) for n in range(500)])
    settings = settings_for(streams.prefix, explain={"share": 0.25})
    async with running(redis_url, settings, model=MODEL):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 500)
    chosen = [int(json.loads(data)["data"]["listing_id"][2:]) for data, _ in requests(redis_client, streams)]
    assert 60 < len(chosen) < 140
    assert min(chosen) >= 100
    assert len(set(chosen)) == len(chosen)


async def test_a_commit_that_is_fenced_off_requests_nothing(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    def steal(_: object) -> None:
        redis_client.xack(streams.listings, SCORERS, *[each for each, _ in redis_client.xrange(streams.listings)])

    publish(redis_client, streams, [event("l-1", explain=True)])
    model = replace(served(before=steal), digest="d" * 64)
    async with running(redis_url, settings_for(streams.prefix), model=model) as consumer:
        fenced = "tasador_fenced_entries_total"
        await wait_until_async(lambda: consumer.registry.get_sample_value(fenced) == 1)
    assert requests(redis_client, streams) == []


async def test_beyond_the_most_that_may_wait_nothing_is_requested(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    entries = publish(redis_client, streams, [event(f"l-{n}", explain=True) for n in range(10)])
    settings = settings_for(streams.prefix, explain={"max_requests": 4})
    async with running(redis_url, settings, model=MODEL) as consumer:
        await wait_for(consumer, written=4, full=6)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert len(requests(redis_client, streams)) == 4


async def test_a_key_of_the_wrong_type_costs_no_outcome(redis_client: Client, redis_url: str, streams: Streams) -> None:
    redis_client.set(streams.explain, "in the way")
    entries = publish(redis_client, streams, [event("a", explain=True), event("b")])
    async with running(redis_url, settings_for(streams.prefix), model=MODEL) as consumer:
        await wait_for(consumer, written=0, failed=1)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


async def test_without_the_right_to_request_every_listing_gets_its_outcome(
    redis_client: Client, streams: Streams, user: UserOfConsumer
) -> None:
    patterns = [f"~{streams.prefix}:{each}" for each in ("[^er]*", "ra*", "rep*")]
    redis_client.execute_command("ACL", "SETUSER", user.name, "resetkeys", *patterns)
    open_stream(redis_client, streams, "me")
    entries = publish(redis_client, streams, [event("a", explain=True, replyto="me"), event("b")])
    async with running(user.url, settings_for(streams.prefix), model=MODEL) as consumer:
        await wait_for(consumer, written=0, forbidden=1)
        assert consumer.health.is_ready
        assert any(reason.startswith("explain: ") for reason in consumer.health.reasons)
        # the right is taken away after the check
        consumer.flows[0].committer.may_request = True
        entries += publish(redis_client, streams, [event("c", explain=True, replyto="me")])
        await wait_for(consumer, written=0, forbidden=2)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert len(answers(redis_client, streams.predictions)) == 3
    assert redis_client.xlen(streams.replies("me")) >= 2
    assert not redis_client.exists(streams.explain)
