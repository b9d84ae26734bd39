"""The commands that the monitor sends, and the history that it reads back."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from monitoring.retraining.policy import DAY_MS, RetrainHistory, RetrainReason
from monitoring.retraining.retrain_commands import read_command_type, read_history, send_retrain, send_rollback
from schemas.commands import COMMANDS, Retrain
from schemas.streams import DATA_FIELD, Streams
from transport.clock import now_ms

REASON = RetrainReason("drift", "3 consecutive reports of drift")


def test_the_history_is_read_from_the_streams(redis_client: redis.Redis, streams: Streams) -> None:
    assert read_history(redis_client, streams, now_ms(redis_client)) == RetrainHistory()
    command_id = send_retrain(redis_client, streams, REASON, RetrainHistory())
    waiting = read_history(redis_client, streams, now_ms(redis_client))
    assert (waiting.today, waiting.is_waiting) == (1, True)
    entries: Any = redis_client.xrange(streams.commands)
    ((entry_id, fields),) = entries
    command = COMMANDS.validate_json(fields[DATA_FIELD])
    assert isinstance(command, Retrain)
    assert (command.id, command.actor, command.data.cause, command.data.reason) == (
        command_id,
        "monitor",
        "drift",
        REASON.message,
    )

    redis_client.hset(streams.command_replies, command_id, json.dumps({"entry": entry_id.decode(), "event": "2-0"}))
    answered = read_history(redis_client, streams, now_ms(redis_client))
    assert (answered.today, answered.is_waiting) == (1, False)
    assert read_command_type(redis_client, streams, command_id) == "model.retrain"
    assert read_history(redis_client, streams, now_ms(redis_client) + DAY_MS + 60_000) == RetrainHistory()


def test_an_operator_s_training_is_waited_for_and_not_counted(redis_client: redis.Redis, streams: Streams) -> None:
    redis_client.xadd(streams.commands, {DATA_FIELD: Retrain(actor="ops").model_dump_json()})
    redis_client.xadd(streams.commands, {DATA_FIELD: "no command"})
    history = read_history(redis_client, streams, now_ms(redis_client))
    assert history == RetrainHistory(last_ms=None, today=0, is_waiting=True)


@pytest.mark.parametrize("attempts", [1, 2])
def test_sending_twice_for_one_reason_sends_one_command_id(
    redis_client: redis.Redis, streams: Streams, attempts: int
) -> None:
    ids = {send_rollback(redis_client, streams, "1795219101518-0", "p99 latency is 2000 ms") for _ in range(attempts)}
    ids |= {send_retrain(redis_client, streams, REASON, RetrainHistory(last_ms=5)) for _ in range(attempts)}
    assert ids == {"bake-1795219101518-0", "loop-drift-after-5"}
    assert read_command_type(redis_client, streams, "bake-1795219101518-0") is None, "it was not answered"
