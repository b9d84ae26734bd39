"""One turn: what is promoted is watched before anything is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis

from monitoring.retraining import baking
from monitoring.retraining.baking import Signs
from monitoring.retraining.loop import RetrainLoop
from monitoring.retraining.policy import Evidence
from schemas.commands import Command, Promote, PromoteData, Rollback
from schemas.domain import load_domain
from schemas.sections import LoopSettings
from schemas.streams import DATA_FIELD, Streams
from transport.clock import now_ms

HARMFUL = Signs(answered=1000, poison_share=0.5, p99_ms=12.0, shift_sd=0.0)
Turn = Callable[[Evidence], str | None]


@pytest.fixture
def loop(redis_client: redis.Redis, streams: Streams, monkeypatch: pytest.MonkeyPatch) -> RetrainLoop:
    monkeypatch.setattr(baking, "read_signs", lambda *_: HARMFUL)
    return RetrainLoop(redis_client, streams, load_domain("housing"), LoopSettings())


def _activate(client: Any, streams: Streams, command: Command, age_ms: int = 1000) -> str:
    """As a worker leaves it: the command answered, its model desired."""
    entry_id = client.xadd(streams.commands, {DATA_FIELD: command.model_dump_json()}).decode()
    activation = f"{now_ms(client) - age_ms}-0"
    fields = {"activation": activation, "version": "2", "digest": "d", "uri": "u", "command_id": command.id}
    client.hset(streams.model, mapping=fields)
    client.hset(streams.command_answers, command.id, json.dumps({"entry": entry_id, "event": activation}))
    return activation


def test_a_promoted_model_that_does_harm_is_taken_back_once(
    loop: RetrainLoop, redis_client: redis.Redis, streams: Streams
) -> None:
    activation = _activate(redis_client, streams, Promote(data=PromoteData(version="2")))
    evidence = Evidence(now_ms(redis_client), drifting=9)
    assert loop.turn(evidence) == f"bake-{activation}"
    _activate(redis_client, streams, Rollback(id=f"bake-{activation}"))
    assert loop.turn(evidence) != f"bake-{activation}", "what was rolled back to is not watched"


def test_what_has_baked_stays(loop: RetrainLoop, redis_client: redis.Redis, streams: Streams) -> None:
    _activate(redis_client, streams, Promote(data=PromoteData(version="2")), age_ms=601_000)
    assert loop.turn(Evidence(now_ms(redis_client))) is None


def test_a_training_is_asked_for_once_and_then_waited_for(
    loop: RetrainLoop, redis_client: redis.Redis, streams: Streams
) -> None:
    evidence = Evidence(now_ms(redis_client), drifting=3)
    assert loop.turn(evidence) == "loop-drift-after-0"
    assert loop.turn(evidence) is None
    assert redis_client.xlen(streams.commands) == 1


def test_a_loop_that_is_off_does_nothing(redis_client: redis.Redis, streams: Streams) -> None:
    loop = RetrainLoop(redis_client, streams, load_domain("housing"), LoopSettings(is_on=False))
    assert loop.turn(Evidence(now_ms(redis_client), drifting=9)) is None
    assert redis_client.xlen(streams.commands) == 0
