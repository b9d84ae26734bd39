"""`tasador history`: what Redis recorded, and what only the registry knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis

from registry.decisions import Decision, Requester
from registry.versions import TRAINED_BY_TAG
from schemas.history import Change
from schemas.streams import DATA_FIELD, Streams
from tasador.cli.commands.history import history
from tests.models import SmallModel, own_model, small_model
from tests.tasador.command import runner_of, use_redis

__all__ = ["own_model", "small_model"]

COMMAND = runner_of(history)
START = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _use_redis(monkeypatch: pytest.MonkeyPatch, redis_url: str, prefix: str, tmp_path: Any) -> None:
    use_redis(monkeypatch, redis_url, prefix)
    monkeypatch.setenv("TASADOR_HOME", str(tmp_path / "none"))


def _record(client: redis.Redis, streams: Streams, minute: int, **fields: Any) -> None:
    change = Change(time=START + timedelta(minutes=minute), **fields)
    client.xadd(streams.history, {DATA_FIELD: change.model_dump_json(exclude_defaults=True)})


def test_each_change_is_shown_newest_first_with_who_and_why(
    redis_client: redis.Redis, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    _record(redis_client, streams, 0, deed="champion", result="model.activated", version="1")
    retrain: dict[str, Any] = {"deed": "retrain", "actor": "monitor", "cause": "drift", "reason": "3 reports of drift"}
    _record(redis_client, streams, 1, result="model.rejected", version="2", message="did not pass", **retrain)
    forced: dict[str, Any] = {"deed": "promote", "actor": "ada@home", "is_forced": True, "reason": "the champion leaks"}
    _record(redis_client, streams, 2, result="model.activated", version="2", before="1", command_id="c-2", **forced)
    monkeypatch.setenv("COLUMNS", "80")
    lines = [" ".join(line.split()) for line in COMMAND.text().splitlines()]
    assert [line.partition("2020")[2][16:] or line for line in lines] == [
        "TIME WHAT RESULT VERSION WHO",
        "promote (forced) activated 1 > 2 ada@home",
        "the champion leaks",
        "command c-2",
        "retrain (drift) refused 2 monitor",
        "3 reports of drift",
        "did not pass",
        "champion set activated 1 unknown",
    ]
    assert [one["deed"] for one in COMMAND.json("--limit", "2")] == ["promote", "retrain"]


def test_what_no_command_did_comes_from_the_registry_and_nothing_is_shown_twice(
    redis_client: redis.Redis, streams: Streams, own_model: SmallModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASADOR_HOME", str(own_model.settings.home))
    tags = {TRAINED_BY_TAG: "eve@home"}
    for id_, verdict in (("c-1", "passed"), ("d-2", "forced")):
        decision = Decision("2020-01-01T00:00:00+00:00", verdict, "Production", Requester("eve@home", id=id_), "why")
        tags |= decision.as_tag()
    own_model.registry.set_tags("1", tags)
    _record(redis_client, streams, 1, deed="promote", result="model.activated", version="1", command_id="c-1")
    shown = [(one["deed"], one["result"], one["actor"], one["command_id"], one["is_forced"]) for one in COMMAND.json()]
    assert shown == [
        ("train", "registered", "eve@home", None, False),
        ("promote", "model.activated", "unknown", "c-1", False),
        ("promote", "forced", "eve@home", "d-2", True),
    ]


def test_without_any_change_it_says_so() -> None:
    assert COMMAND.text() == "nothing has changed yet\n"
