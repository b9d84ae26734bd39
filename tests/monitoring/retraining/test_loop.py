"""The retrain loop watches the bake of a promoted model before it requests training."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
import redis

from monitoring.retraining.loop import RetrainLoop
from monitoring.retraining.policy import RetrainEvidence
from schemas.commands import Command, Promote, PromoteData, Rollback
from schemas.domain import load_domain
from schemas.sections import LoopSettings
from schemas.states import LoopPause
from schemas.streams import DATA_FIELD, SCORERS, Streams
from tests.operations.answers import deliver, publish, refuse
from transport.clock import now_ms

LIMITS = LoopSettings(bake_min_answers=5)


@pytest.fixture
def loop(redis_client: redis.Redis, streams: Streams) -> RetrainLoop:
    redis_client.xgroup_create(streams.listings, SCORERS, id="0", mkstream=True)
    return RetrainLoop(redis_client, streams, load_domain("housing"), LIMITS)


def _activate(client: Any, streams: Streams, command: Command, age_ms: int = 1000) -> str:
    """Write what a worker writes: the answer to a command, and its model as the desired one."""
    entry_id = client.xadd(streams.commands, {DATA_FIELD: command.model_dump_json()}).decode()
    activation = f"{now_ms(client) - age_ms}-0"
    fields = {"activation": activation, "version": "2", "digest": "d", "uri": "u", "command_id": command.id}
    client.hset(streams.model, mapping=fields)
    client.hset(streams.command_replies, command.id, json.dumps({"entry": entry_id, "event": activation}))
    return activation


def _poison(client: redis.Redis, streams: Streams) -> None:
    """Answer listings that could not be scored, as many as a bake needs."""
    for entry_id in publish(client, streams, LIMITS.bake_min_answers):
        deliver(client, streams, 1)
        refuse(client, streams, entry_id, reason="poison")


def test_a_promoted_model_that_does_harm_is_rolled_back_once(
    loop: RetrainLoop, redis_client: redis.Redis, streams: Streams
) -> None:
    _poison(redis_client, streams)
    activation = _activate(redis_client, streams, Promote(data=PromoteData(version="2")))
    assert loop.run_once(RetrainEvidence(now_ms(redis_client))) is None, "earlier answers do not count"
    _poison(redis_client, streams)
    assert loop.run_once(RetrainEvidence(now_ms(redis_client), drift_reports=9)) == f"bake-{activation}"
    _activate(redis_client, streams, Rollback(id=f"bake-{activation}"))
    assert loop.run_once(RetrainEvidence(now_ms(redis_client))) is None
    _poison(redis_client, streams)
    assert loop.run_once(RetrainEvidence(now_ms(redis_client))) is None, "a model after a rollback does not bake"


def test_a_model_stays_after_its_bake(loop: RetrainLoop, redis_client: redis.Redis, streams: Streams) -> None:
    _activate(redis_client, streams, Promote(data=PromoteData(version="2")), age_ms=601_000)
    assert loop.run_once(RetrainEvidence(now_ms(redis_client))) is None
    _poison(redis_client, streams)
    assert loop.run_once(RetrainEvidence(now_ms(redis_client))) is None


def test_a_training_is_requested_once_and_then_waited_for(
    loop: RetrainLoop, redis_client: redis.Redis, streams: Streams
) -> None:
    evidence = RetrainEvidence(now_ms(redis_client), drift_reports=3)
    assert loop.run_once(evidence) == "loop-drift-after-0"
    assert loop.run_once(evidence) is None
    assert redis_client.xlen(streams.commands) == 1


def test_a_loop_that_is_off_does_nothing(redis_client: redis.Redis, streams: Streams) -> None:
    loop = RetrainLoop(redis_client, streams, load_domain("housing"), LoopSettings(is_on=False))
    assert loop.run_once(RetrainEvidence(now_ms(redis_client), drift_reports=9)) is None
    assert redis_client.xlen(streams.commands) == 0


def test_a_paused_loop_does_nothing_until_it_is_resumed(
    loop: RetrainLoop, redis_client: redis.Redis, streams: Streams
) -> None:
    evidence = RetrainEvidence(now_ms(redis_client), drift_reports=9)
    pause = LoopPause(time=datetime.now(UTC), actor="ada", command_id="c-1", reason="wrong outcomes")
    fields: dict[Any, Any] = pause.model_dump(mode="json")
    redis_client.hset(streams.loop, mapping=fields)
    assert loop.run_once(evidence) is None
    assert loop.pause == pause
    assert redis_client.xlen(streams.commands) == 0
    redis_client.delete(streams.loop)
    assert loop.run_once(evidence) == "loop-drift-after-0"
    assert loop.pause is None
