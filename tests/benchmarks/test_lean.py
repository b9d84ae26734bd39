"""A consumer without a part still answers, and the part is gone."""

from __future__ import annotations

import pytest
import redis
from prometheus_client import generate_latest

from benchmarks.contenders import build_lean
from benchmarks.contenders.lean import PARTS, RECORDING
from benchmarks.targets import TARGETS
from consumer import batch_scorer
from consumer.metrics import ConsumerMetrics
from schemas.streams import Streams
from tests.consumer.harness import event, publish, running, settings_for
from tests.waiting import wait_until_async


@pytest.mark.parametrize(("part", "rows", "counted"), [("window", 0, 3.0), ("metrics", 1, 0.0)])
async def test_what_is_left_out_is_gone_and_listings_are_answered(
    redis_client: redis.Redis, streams: Streams, redis_url: str, monkeypatch: pytest.MonkeyPatch,
    part: str, rows: int, counted: float,
) -> None:  # fmt: skip
    for name in ("pack_rows", "Counter"):
        monkeypatch.setattr(batch_scorer, name, getattr(batch_scorer, name))
    monkeypatch.setattr(batch_scorer.BatchScorer, "_kinds", batch_scorer.BatchScorer._kinds)
    for name in RECORDING:
        monkeypatch.setattr(ConsumerMetrics, name, getattr(ConsumerMetrics, name))
    PARTS[part]()
    publish(redis_client, streams, [event(f"home-{number}") for number in range(3)])
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        await wait_until_async(lambda: redis_client.xlen(streams.predictions) == 3)
    assert min(redis_client.xlen(streams.window), 1) == rows
    page = generate_latest(consumer.registry).decode()
    assert f'tasador_events_total{{outcome="scored"}} {counted}' in page


def test_each_part_has_its_contender_and_all_three_their_target() -> None:
    consumer, *parts, deduplication, lean = build_lean()
    assert consumer.name == "tasador"
    assert [one.command[-1] for one in parts] == list(PARTS)
    assert dict(deduplication.settings) == dict(lean.settings) == {"DEDUP_SECONDS": "0"}
    assert lean.command[-2:] == tuple(PARTS)
    assert TARGETS[lean.name] == 0.88
