"""`tasador retrain`: what it sends, and what it makes of each answer."""

from __future__ import annotations

import json
from threading import Thread
from typing import Any

import pytest
import redis

from operations.command_sender import current_actor
from schemas.commands import ModelEvent, ModelEventType
from schemas.errors import ModelRejectedError, NotConfirmedError
from schemas.streams import DATA_FIELD, Streams
from tasador.cli.commands.retrain import retrain
from tests.tasador.command import command_of, point_at
from tests.waiting import wait_until
from transport.connection import connect

COMMAND = command_of(retrain)


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, redis_url: str, streams: Streams) -> None:
    point_at(monkeypatch, redis_url, streams.prefix)


def answering(redis_url: str, streams: Streams, kind: ModelEventType, **data: Any) -> Thread:
    """A worker that answers the first command it sees."""

    def obey() -> None:
        with connect(redis_url) as plain:
            client: Any = plain
            ((_, fields),) = wait_until(lambda: client.xrange(streams.commands))
            command_id = json.loads(fields[DATA_FIELD])["id"]
            event = ModelEvent.of("test", kind, command_id=command_id, **data).model_dump_json()
            entry = client.xadd(streams.model_events, {DATA_FIELD: event}).decode()
            told = json.dumps({"entry": "1-0", "event": entry})
            client.hset(streams.command_answers, command_id, told)

    worker = Thread(target=obey)
    worker.start()
    return worker


def test_what_passed_is_in_charge(redis_url: str, redis_client: redis.Redis, streams: Streams) -> None:
    worker = answering(redis_url, streams, "model.activated", version="8")
    arguments = ("--models", "linear, ridge", "--force", "--reason", "a test", "--json")
    told = json.loads(COMMAND.text(*arguments))
    worker.join()
    assert told["version"] == "8"
    client: Any = redis_client
    ((_, fields),) = client.xrange(streams.commands)
    sent = json.loads(fields[DATA_FIELD])
    assert (sent["type"], sent["actor"]) == ("model.retrain", current_actor())
    assert sent["data"] == {"models": ["linear", "ridge"], "force": True, "reason": "a test"}


def test_nothing_new_is_no_error(redis_url: str, streams: Streams) -> None:
    worker = answering(redis_url, streams, "training.skipped", version="7", message="nothing has changed")
    assert COMMAND.text() == "skipped: nothing has changed\n"
    worker.join()


@pytest.mark.parametrize(
    ("kind", "reason"), [("model.rejected", "gate"), ("training.failed", "data"), ("command.rejected", "busy")]
)
def test_what_came_to_nothing_is_one_line(redis_url: str, streams: Streams, kind: ModelEventType, reason: str) -> None:
    worker = answering(redis_url, streams, kind, reason=reason, message="that is why")
    with pytest.raises(ModelRejectedError, match=f"{reason}: that is why"):
        COMMAND.run()
    worker.join()


def test_a_reason_without_force_is_a_wrong_call() -> None:
    assert COMMAND.run("--reason", "because").exit_code == 2


def test_without_a_worker_it_says_where_the_command_lies() -> None:
    with pytest.raises(NotConfirmedError, match="no training worker runs"):
        COMMAND.run("--timeout", "0")
