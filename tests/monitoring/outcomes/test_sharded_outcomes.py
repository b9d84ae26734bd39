"""Outcomes find predictions of every shard, also where the entry ids of two shards coincide."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import redis

from monitoring.outcomes.prediction_index import DAY_MS
from monitoring.outcomes.progress import joined_until_ms
from schemas.streams import Streams
from tests.monitoring.outcomes.outcome_fixture import OutcomeFixture
from tests.sharding import set_shards
from transport.connection import connect_async


@pytest.fixture
async def outcomes(redis_client: redis.Redis, streams: Streams, redis_url: str) -> AsyncIterator[OutcomeFixture]:
    set_shards(redis_client, streams, 3)
    fixture = OutcomeFixture(redis_client, streams, redis_url)
    yield fixture
    await fixture.close()


async def test_outcomes_join_predictions_of_all_shards_in_either_order(outcomes: OutcomeFixture) -> None:
    ids = [outcomes.add_prediction(f"early-{shard}", 20.0, shard=shard) for shard in range(3)]
    assert len(set(ids)) == 1, "the entry ids coincide"
    for shard in range(3):
        outcomes.add_outcome(f"early-{shard}", 21.0 + shard)
        outcomes.add_outcome(f"late-{shard}", 30.0)
    assert (await outcomes.quality()).labelled == 3
    for shard in range(3):
        outcomes.add_prediction(f"late-{shard}", 34.0, shard=shard)
    quality = await outcomes.quality()
    assert (quality.labelled, quality.predictions, quality.mae) == (6, 6, 3.0)
    joined = outcomes.client.hkeys(outcomes.streams.joined_outcomes(outcomes.now_ms // DAY_MS))
    assert {f"{ids[0]}", f"{ids[0]}@1", f"{ids[0]}@2"} <= {name.decode() for name in joined}


async def test_an_outcome_counts_in_the_segments_of_its_own_shard_s_listing(outcomes: OutcomeFixture) -> None:
    outcomes.reporter.set_cut_points({"LSTAT": [5.0, 10.0]})
    outcomes.add_prediction("a", 20.0, shard=2)
    outcomes.add_outcome("a", 21.0)
    await outcomes.reporter.process_outcomes()
    parts = {quality.part for quality in (await outcomes.reporter.report()).spans["24h"]}
    assert any(part.startswith("LSTAT") for part in parts), "only shard 2 holds the listing"


async def test_each_shard_goes_on_from_its_own_position(outcomes: OutcomeFixture) -> None:
    outcomes.add_prediction("a", 20.0, shard=2)
    assert (await outcomes.quality()).predictions == 1
    outcomes.add_prediction("b", 20.0, shard=1, ago_ms=5000)
    await outcomes.new_reporter("m2").process_outcomes()
    assert (await outcomes.quality()).predictions == 2


async def test_what_one_shard_has_unindexed_is_not_known_yet(outcomes: OutcomeFixture, redis_url: str) -> None:
    outcomes.add_prediction("a", 20.0, ago_ms=5000)
    await outcomes.quality()
    outcomes.add_prediction("b", 20.0, shard=2, ago_ms=3000)
    async with connect_async(redis_url) as client:
        shards = [outcomes.streams.of_shard(number) for number in range(3)]
        assert await joined_until_ms(client, shards, outcomes.now_ms) == outcomes.now_ms - 3001
        assert await joined_until_ms(client, shards[:2], outcomes.now_ms) == outcomes.now_ms
