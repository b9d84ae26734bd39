"""A consumer without its window or metrics still answers, and the feature is gone."""

from __future__ import annotations

import pytest
import redis
from prometheus_client import generate_latest

from consumer import batch_scorer
from consumer.metrics import ConsumerMetrics
from schemas.streams import Streams
from tasador.bench.contenders.contender import build_reduced
from tasador.bench.contenders.lean import RECORDING, REMOVALS
from tasador.bench.targets import TARGETS
from tests.consumer.harness import event, publish, running, settings_for
from tests.waiting import wait_until_async


@pytest.mark.parametrize(("feature", "rows", "counted"), [("window", 0, 3.0), ("metrics", 1, 0.0)])
async def test_a_removed_feature_is_gone_and_listings_are_answered(
    redis_client: redis.Redis, streams: Streams, redis_url: str, monkeypatch: pytest.MonkeyPatch,
    feature: str, rows: int, counted: float,
) -> None:  # fmt: skip
    for name in ("pack_rows", "Counter"):
        monkeypatch.setattr(batch_scorer, name, getattr(batch_scorer, name))
    monkeypatch.setattr(batch_scorer.BatchScorer, "_kinds", batch_scorer.BatchScorer._kinds)
    for name in RECORDING:
        monkeypatch.setattr(ConsumerMetrics, name, getattr(ConsumerMetrics, name))
    REMOVALS[feature]()
    publish(redis_client, streams, [event(f"home-{number}") for number in range(3)])
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        await wait_until_async(lambda: redis_client.xlen(streams.predictions) == 3)
    assert min(redis_client.xlen(streams.window), 1) == rows
    page = generate_latest(consumer.registry).decode()
    assert f'tasador_events_total{{outcome="scored"}} {counted}' in page


def test_each_feature_has_a_contender_and_all_three_have_a_target() -> None:
    consumer, *reduced, deduplication, lean = build_reduced()
    assert consumer.name == "tasador"
    assert [contender.commands[0][-1] for contender in reduced] == list(REMOVALS)
    assert dict(deduplication.settings) == dict(lean.settings) == {"DEDUP_SECONDS": "0"}
    assert lean.commands[0][-2:] == tuple(REMOVALS)
    assert TARGETS[lean.name] == 0.88
