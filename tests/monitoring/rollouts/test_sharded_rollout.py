"""The comparison of a rollout reads every shard, each from its own position."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import redis

from schemas.streams import Streams
from tests.monitoring.rollouts.rollout_fixture import RolloutFixture
from tests.monitoring.rollouts.test_rollout_reporter import listings
from tests.sharding import set_shards
from tests.waiting import wait_until_async


@pytest.fixture
async def rollout(redis_client: redis.Redis, streams: Streams, redis_url: str) -> AsyncIterator[RolloutFixture]:
    set_shards(redis_client, streams, 3)
    fixture = RolloutFixture(redis_client, streams, redis_url)
    yield fixture
    await fixture.close()


async def test_pairs_of_all_shards_are_compared_once(rollout: RolloutFixture) -> None:
    rollout.change()
    for seed in range(3):
        rollout.answer(listings(100, 0.3, seed=seed), shard=seed)
    report = await rollout.report()
    assert (report.verdict.outcomes, report.verdict.units, report.verdict.is_paired) == (300, 300, True)
    champion, challenger = report.arms
    assert (champion.answers, challenger.outcomes) == (300, 300)
    rollout.answer(listings(50, 0.3, seed=9), shard=1)
    report = await rollout.report(rollout.new_reporter())
    assert report.verdict.outcomes == 350, "another monitor goes on where each shard was"


async def test_a_shard_that_came_later_is_read_from_the_beginning_of_the_rollout(
    rollout: RolloutFixture, redis_client: redis.Redis, streams: Streams
) -> None:
    set_shards(redis_client, streams, 1)
    rollout.change()
    rollout.answer(listings(100, 0.3, seed=1))
    assert (await rollout.report()).verdict.outcomes == 100
    set_shards(redis_client, streams, 3)
    rollout.answer(listings(60, 0.3, seed=2), shard=2)

    async def are_all_compared() -> bool:
        verdict = (await rollout.report()).verdict
        assert verdict.outcomes in {100, 160}
        return verdict.outcomes == 160

    condition: Callable[[], bool | Awaitable[bool]] = are_all_compared
    await wait_until_async(condition)
    assert (await rollout.report()).arms[0].labelled_share == 1, "none was taken for one without an outcome"


async def test_arms_without_pairs_are_compared_over_all_shards(rollout: RolloutFixture) -> None:
    rollout.change("split", 0.5, pairs=False)
    for seed in range(3):
        rollout.answer(listings(80, 0.3, seed=seed), shard=seed)
        rollout.answer(listings(80, 0.3, seed=10 + seed, arm="challenger"), shard=seed)
    report = await rollout.report()
    champion, challenger = report.arms
    assert (champion.outcomes, challenger.outcomes, report.verdict.is_paired) == (240, 240, False)
    assert (champion.answers, challenger.answers) == (240, 240)
    assert champion.labelled_share == 1
