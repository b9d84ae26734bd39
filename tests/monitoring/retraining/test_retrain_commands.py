"""What the monitor asks for, and what it knows of it afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest
import redis

from monitoring.retraining.policy import DAY_MS, History, RetrainReason
from monitoring.retraining.retrain_commands import ask_for_training, kind_of, read_history, take_back
from schemas.commands import COMMANDS, Retrain
from schemas.streams import DATA_FIELD, Streams
from transport.clock import now_ms

WISH = RetrainReason("drift", "3 reports in a row said drift")


def test_what_was_asked_is_known_from_the_streams(redis_client: redis.Redis, streams: Streams) -> None:
    assert read_history(redis_client, streams, now_ms(redis_client)) == History()
    command_id = ask_for_training(redis_client, streams, WISH, History())
    asked = read_history(redis_client, streams, now_ms(redis_client))
    assert (asked.today, asked.is_waiting) == (1, True)
    entries: Any = redis_client.xrange(streams.commands)
    ((entry_id, fields),) = entries
    order = COMMANDS.validate_json(fields[DATA_FIELD])
    assert isinstance(order, Retrain)
    assert (order.id, order.actor, order.data.reason) == (command_id, "monitor", f"drift: {WISH.message}")

    redis_client.hset(streams.command_answers, command_id, json.dumps({"entry": entry_id.decode(), "event": "2-0"}))
    answered = read_history(redis_client, streams, now_ms(redis_client))
    assert (answered.today, answered.is_waiting) == (1, False)
    assert kind_of(redis_client, streams, command_id) == "model.retrain"
    assert read_history(redis_client, streams, now_ms(redis_client) + DAY_MS + 60_000) == History()


def test_somebody_else_s_training_is_waited_for_and_not_counted(redis_client: redis.Redis, streams: Streams) -> None:
    redis_client.xadd(streams.commands, {DATA_FIELD: Retrain(actor="ops").model_dump_json()})
    redis_client.xadd(streams.commands, {DATA_FIELD: "no command"})
    found = read_history(redis_client, streams, now_ms(redis_client))
    assert found == History(last_ms=None, today=0, is_waiting=True)


@pytest.mark.parametrize("attempts", [1, 2])
def test_asking_twice_for_one_thing_is_one_command(redis_client: redis.Redis, streams: Streams, attempts: int) -> None:
    ids = {take_back(redis_client, streams, "1795219101518-0") for _ in range(attempts)}
    ids |= {ask_for_training(redis_client, streams, WISH, History(last_ms=5)) for _ in range(attempts)}
    assert ids == {"bake-1795219101518-0", "loop-drift-after-5"}
    assert kind_of(redis_client, streams, "bake-1795219101518-0") is None, "it was not answered"
