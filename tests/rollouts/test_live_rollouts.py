"""Rollouts from start to end, with late outcomes and kills: promoted, stopped by verdict, or by a guardrail."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import redis

from schemas.rollout_report import RolloutVerdict
from schemas.settings import Settings
from tests.rollouts.live_rollout import GOOD, PLAIN, POOR, WILD, LiveRollout, build_store, living
from tests.training.worker.command_client import settings_for

pytestmark = [pytest.mark.long, pytest.mark.rounds]

LISTINGS = int(os.environ.get("LISTINGS") or 100_000)
LATE_S = 0.5


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_store(tmp_path_factory.mktemp("live") / "store")


def _settings(folder: Path, store: Path, redis_url: str, prefix: str, **rollout: Any) -> Settings:
    settings = settings_for(folder / "home", store, redis_url, prefix, heartbeat_s=0.2)
    # a prediction is mature a little after its outcome comes
    limits = {"mature_h": 4 * LATE_S / 3600, "max_failures": 10}
    # the only consumer is killed and starts again, on a machine that may have much to do
    limits |= {"max_p99_ms": 120_000.0, "max_us_per_row": 10_000.0}
    monitor = settings.monitor.model_copy(update={"interval_s": 0.1})
    retention = settings.retention.model_copy(update={"listings": 10 * LISTINGS, "answers": 10 * LISTINGS})
    archive = settings.archive.model_copy(update={"is_on": False})
    # a retraining of the loop would replace the rollout
    loop = settings.loop.model_copy(update={"is_on": False})
    return settings.model_copy(
        update={
            "rollout": settings.rollout.model_copy(update=limits | rollout),
            "monitor": monitor,
            "retention": retention,
            "archive": archive,
            "loop": loop,
        }
    )


def _has_ended(live: LiveRollout) -> bool:
    return bool(live.events("rollout.stopped"))


def _check(live: LiveRollout) -> None:
    """Each listing has one outcome; arms and pairs are what they should be."""
    report = live.check()
    assert report.is_complete, report
    assert report.verdict.outcomes == {"prediction": len(live.published)}
    assert report.arms > 0
    assert report.pairs > 0


async def _deliver(live: LiveRollout, phases: list[tuple[str, float]], most: int) -> RolloutVerdict:
    """Roll out the better version step by step, killing the consumer in each, until it is champion."""
    await live.start(GOOD, follows_steps=True)
    await live.run(lambda: _has_ended(live), most, kills_in_each_phase=True)
    (stopped,) = live.events("rollout.stopped")
    assert (stopped.data.cause, stopped.data.version) == ("promoted", GOOD), stopped.data.message
    changes = [*live.events("rollout.started"), *live.events("rollout.adjusted")]
    assert [(change.data.mode, change.data.share) for change in changes] == phases
    assert live.kills == len(phases)
    assert live.commands.model()["version"] == GOOD
    report = live.report()
    assert report is not None
    _check(live)
    return report.verdict


async def test_better_challenger_is_rolled_out_and_promoted_while_consumers_are_killed(
    redis_client: redis.Redis, redis_url: str, prefix: str, store: Path, tmp_path: Path
) -> None:
    settings = _settings(tmp_path, store, redis_url, prefix, steps="shadow 0s, 0.3 0s, 0.6 2s")
    async with living(redis_client, settings, tmp_path / "log", LATE_S) as live:
        verdict = await _deliver(live, [("shadow", 1.0), ("canary", 0.3), ("canary", 0.6)], 60_000)
        # steps follow guardrails; on a fast machine they are over before there are outcomes enough to decide, and among
        # so few the shares of outcomes may differ by chance, which withholds the verdict: the long round has enough
        assert verdict.verdict in {"better", "undecided"}


async def test_worse_challenger_is_stopped_by_the_verdict_and_a_wild_one_by_a_guardrail(
    redis_client: redis.Redis, redis_url: str, prefix: str, store: Path, tmp_path: Path
) -> None:
    settings = _settings(tmp_path, store, redis_url, prefix, max_shift_sd=3.0)
    async with living(redis_client, settings, tmp_path / "log", LATE_S) as live:
        await live.start(POOR, mode="canary", share=0.5)
        await live.run(lambda: _has_ended(live), 60_000)
        await live.start(WILD, mode="canary", share=0.5)
        await live.run(lambda: len(live.events("rollout.stopped")) == 2, 120_000)
        worse, wild = live.events("rollout.stopped")
        assert (worse.data.version, worse.data.cause, worse.data.by) == (POOR, "verdict", "monitor")
        assert (worse.data.message or "").startswith("worse: gain -")
        assert (wild.data.version, wild.data.cause, wild.data.guardrail) == (WILD, "guardrail", "shift")
        assert live.commands.model()["version"] == PLAIN
        _check(live)


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_a_hundred_thousand_listings_pass_a_rollout_in_four_steps(
    redis_client: redis.Redis, redis_url: str, prefix: str, store: Path, tmp_path: Path
) -> None:
    steps = "shadow 10s, 0.05 10s, 0.25 10s, 0.5 20s"
    settings = _settings(tmp_path, store, redis_url, prefix, steps=steps)
    async with living(redis_client, settings, tmp_path / "log", LATE_S, 2000) as live:
        phases = [("shadow", 1.0), ("canary", 0.05), ("canary", 0.25), ("canary", 0.5)]
        verdict = await _deliver(live, phases, 10 * LISTINGS)
        assert (verdict.verdict, verdict.is_paired, verdict.withheld) == ("better", True, None)
        await live.run(lambda: len(live.published) >= LISTINGS, 10 * LISTINGS)
        _check(live)
