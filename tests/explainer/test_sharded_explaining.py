"""Requests of every shard are answered once, in their own shard, and explanations are found wherever they are."""

from __future__ import annotations

from pathlib import Path

from explainer.finding import find_explanation
from explainer.on_demand import explain_listing
from schemas.shards import answer_source
from schemas.streams import EXPLAINERS, Streams
from tests.consumer.harness import activate
from tests.explainer.harness import (
    Client,
    answered,
    explaining,
    explanations,
    request_of,
    settings_of,
    write_requests,
)
from tests.models import SmallModel
from tests.sharding import set_shards
from tests.waiting import wait_until_async


async def test_each_shard_s_requests_are_answered_once_by_two_explainers(
    redis_client: Client, redis_url: str, streams: Streams, small_model: SmallModel, tmp_path: Path
) -> None:
    activate(redis_client, streams, small_model)
    settings = settings_of(small_model, streams.prefix, tmp_path)
    shards = set_shards(redis_client, streams, 3)
    entries = [f"{number}-1" for number in range(1, 71)]
    for shard in shards:
        requests = [request_of(small_model, entry, listing_id=f"l-{entry}-{shard.shard}") for entry in entries]
        write_requests(redis_client, shard, requests)
    async with explaining(redis_url, settings, "x") as first, explaining(redis_url, settings, "y"):
        await wait_until_async(lambda: all(redis_client.xlen(shard.explain) == 0 for shard in shards), 60)
        await wait_until_async(lambda: first.registry.get_sample_value("tasador_waiting_requests") == 0)
    for shard in shards:
        assert answered(redis_client, shard) == sorted(entries)
        found = explanations(redis_client, shard)
        assert {each["source"] for each in found} == {answer_source("housing", shard.shard)}
        assert all(each["data"]["listing_id"].endswith(f"-{shard.shard}") for each in found)
        assert redis_client.xinfo_groups(shard.explain)[0]["name"] == EXPLAINERS.encode()
        assert redis_client.xinfo_consumers(shard.explain, EXPLAINERS) == [], "both have left"
    event = find_explanation(redis_client, streams, "l-7-1-2", None)
    assert event is not None
    assert event.source == answer_source("housing", 2)
    assert explain_listing(redis_client, settings, small_model.domain, "l-7-1-2") == event


async def test_a_shard_that_comes_later_is_answered_too(
    redis_client: Client, redis_url: str, streams: Streams, small_model: SmallModel, tmp_path: Path
) -> None:
    settings = settings_of(small_model, streams.prefix, tmp_path)
    async with explaining(redis_url, settings):
        write_requests(redis_client, streams, [request_of(small_model, "1-1")])
        await wait_until_async(lambda: answered(redis_client, streams) == ["1-1"])
        shards = set_shards(redis_client, streams, 2)
        write_requests(redis_client, shards[1], [request_of(small_model, "1-1")])
        await wait_until_async(lambda: answered(redis_client, shards[1]) == ["1-1"])
