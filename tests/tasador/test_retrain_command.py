"""`tasador retrain`: what it sends, and what it prints for each answer."""

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
from tasador.cli.commands import loop
from tasador.cli.commands.retrain import retrain
from tests.tasador.command import Runner, runner_of, use_redis
from tests.waiting import wait_until
from transport.connection import connect

COMMAND = runner_of(retrain)


@pytest.fixture(autouse=True)
def _use_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str, streams: Streams) -> None:
    use_redis(monkeypatch, redis_url, streams.prefix)


def start_worker(redis_url: str, streams: Streams, kind: ModelEventType, **data: Any) -> Thread:
    """A worker that answers the first command."""

    def answer() -> None:
        with connect(redis_url) as plain:
            client: Any = plain
            ((_, fields),) = wait_until(lambda: client.xrange(streams.commands))
            command_id = json.loads(fields[DATA_FIELD])["id"]
            event = ModelEvent.of("test", kind, command_id=command_id, **data).model_dump_json()
            entry = client.xadd(streams.model_events, {DATA_FIELD: event}).decode()
            client.hset(streams.command_replies, command_id, json.dumps({"entry": "1-0", "event": entry}))

    worker = Thread(target=answer)
    worker.start()
    return worker


def test_a_trained_version_is_shown_as_activated(redis_url: str, redis_client: redis.Redis, streams: Streams) -> None:
    worker = start_worker(redis_url, streams, "model.activated", version="8")
    arguments = ("--models", "linear, xgboost", "--force", "--reason", "a test", "--json")
    document = json.loads(COMMAND.text(*arguments))
    worker.join()
    assert document["version"] == "8"
    client: Any = redis_client
    ((_, fields),) = client.xrange(streams.commands)
    sent = json.loads(fields[DATA_FIELD])
    assert (sent["type"], sent["actor"]) == ("model.retrain", current_actor())
    assert sent["data"] == {"models": ["linear", "xgboost"], "force": True, "cause": "operator", "reason": "a test"}


def test_a_skipped_training_is_not_an_error(redis_url: str, streams: Streams) -> None:
    worker = start_worker(redis_url, streams, "training.skipped", version="7", message="nothing has changed")
    assert COMMAND.text() == "skipped: nothing has changed\n"
    worker.join()


@pytest.mark.parametrize(
    ("kind", "reason"), [("model.rejected", "gate"), ("training.failed", "data"), ("command.rejected", "busy")]
)
def test_a_failed_training_is_an_error(redis_url: str, streams: Streams, kind: ModelEventType, reason: str) -> None:
    worker = start_worker(redis_url, streams, kind, reason=reason, message="that is why")
    with pytest.raises(ModelRejectedError, match=f"{reason}: that is why"):
        COMMAND.run()
    worker.join()


def test_a_reason_without_force_is_a_usage_error() -> None:
    assert COMMAND.run("--reason", "because").exit_code == 2


def test_without_a_worker_the_error_names_the_stream_of_the_command() -> None:
    with pytest.raises(NotConfirmedError, match="no training worker runs"):
        COMMAND.run("--timeout", "0")


def test_a_training_is_cancelled_with_the_reason(redis_url: str, redis_client: redis.Redis, streams: Streams) -> None:
    worker = start_worker(redis_url, streams, "command.done", message="the training of command c-1 was stopped")
    assert COMMAND.text("--cancel", "--reason", "wrong data") == "the training of command c-1 was stopped\n"
    worker.join()
    client: Any = redis_client
    ((_, fields),) = client.xrange(streams.commands)
    sent = json.loads(fields[DATA_FIELD])
    assert (sent["type"], sent["data"]) == ("training.cancel", {"reason": "wrong data"})
    assert COMMAND.run("--cancel", "--force").exit_code == 2


def test_without_a_training_there_is_nothing_to_cancel(redis_url: str, streams: Streams) -> None:
    worker = start_worker(
        redis_url, streams, "command.rejected", reason="no_training", message="no training is running"
    )
    with pytest.raises(ModelRejectedError, match="no training is running"):
        COMMAND.run("--cancel")
    worker.join()


@pytest.mark.parametrize(
    ("name", "event", "sentence"),
    [
        ("pause", "loop.paused", "the retraining loop is paused"),
        ("resume", "loop.resumed", "the retraining loop runs"),
    ],
)
def test_the_loop_is_paused_and_resumed(
    redis_url: str, redis_client: redis.Redis, streams: Streams, name: str, event: ModelEventType, sentence: str
) -> None:
    worker = start_worker(redis_url, streams, event)
    assert Runner(loop.app).text(name, "--reason", "holidays") == f"{sentence}\n"
    worker.join()
    client: Any = redis_client
    ((_, fields),) = client.xrange(streams.commands)
    sent = json.loads(fields[DATA_FIELD])
    assert (sent["type"], sent["actor"], sent["data"]) == (f"loop.{name}", current_actor(), {"reason": "holidays"})
