"""The status of a domain, and the rate and latency that it shows."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import redis

from monitoring.latency import latency_of, read_latency, read_rate
from operations.status import read_status
from schemas.commands import ModelEvent
from schemas.domain import load_domain
from schemas.states import Activity, GatewayHeartbeat, TrainerHeartbeat
from schemas.streams import Streams
from tasador.cli.views.status import _rest
from tests.operations.answers import activate, beat, beat_as, deliver, drop_repeat, predict, publish, refuse, run_beside

pytestmark = pytest.mark.usefixtures("group")


@pytest.fixture
def running(redis_client: redis.Redis, streams: Streams) -> None:
    activate(redis_client, streams)
    beat(redis_client, streams)
    run_beside(redis_client, streams, champion="7", versions=3)


@pytest.mark.usefixtures("running")
def test_a_running_consumer_of_the_desired_model_is_healthy(redis_client: redis.Redis, streams: Streams) -> None:
    status = read_status(redis_client, streams)
    assert (status.state, status.reasons) == ("healthy", ())
    assert status.model is not None
    assert status.model.version == "7"
    started_s = status.consumers[0].heartbeat.started_ms / 1000
    assert status.uptime_s is not None
    assert 60 <= status.uptime_s <= int(redis_client.time()[0]) + 1 - started_s
    assert (status.latency_ms, status.predictions, status.rate_per_s) == (None, None, 0)
    assert (status.registry.champion, status.registry.versions) == ("7", 3)
    assert (status.trainers[0].heartbeat.name, status.monitors[0].heartbeat.name) == ("t1", "m1")


def test_a_domain_without_processes_is_down_with_reasons(redis_client: redis.Redis, streams: Streams) -> None:
    status = read_status(redis_client, streams, load_domain("housing"))
    assert status.state == "down"
    assert status.reasons == (
        "no consumer lives",
        "no model has been activated yet: `tasador train`, and start a training worker: `tasador trainer`",
        "no training worker lives",
        "no monitor lives",
    )
    assert status.uptime_s is None


def test_an_empty_redis_is_down(redis_client: redis.Redis) -> None:
    status = read_status(redis_client, Streams("test-without-entries"))
    assert status.state == "down"
    assert status.backlog.total == 0


@pytest.mark.usefixtures("running")
def test_gateways_are_shown_with_their_requests_and_a_silent_one_is_a_reason(
    redis_client: redis.Redis, streams: Streams
) -> None:
    assert read_status(redis_client, streams).gateways == ()
    gateways = (streams.gateways, GatewayHeartbeat)
    beat_as(redis_client, *gateways, "g1", requests=1200, refused=7)
    beat_as(redis_client, *gateways, "g2", requests=34)
    status = read_status(redis_client, streams)
    assert (status.state, [each.heartbeat.name for each in status.gateways]) == ("healthy", ["g1", "g2"])
    assert dict(_rest(status))["over HTTP"] == "1,234 requests, 7 of them refused"
    beat_as(redis_client, *gateways, "g1", at_ms=1)
    status = read_status(redis_client, streams)
    (reason,) = status.reasons
    assert re.fullmatch(r"g1: no heartbeat for \d+ s", reason)
    assert dict(_rest(status))["over HTTP"] == "34 requests, 0 of them refused"


@pytest.mark.usefixtures("running")
def test_lookups_of_stored_features_are_those_of_the_living_consumers(
    redis_client: redis.Redis, streams: Streams
) -> None:
    assert "looked up" not in dict(_rest(read_status(redis_client, streams)))
    beat(redis_client, streams, "a1", lookups={"found": 900, "stale": 3})
    beat(redis_client, streams, "a2", lookups={"found": 100, "missing": 5})
    status = read_status(redis_client, streams)
    assert status.lookups == {"found": 1000, "stale": 3, "missing": 5}
    assert dict(_rest(status))["looked up"] == "found 1,000, missing 5, stale 3"


@pytest.mark.usefixtures("running")
def test_a_pending_entry_of_the_future_has_no_age_and_no_latency(redis_client: redis.Redis, streams: Streams) -> None:
    ahead_ms = int(redis_client.time()[0]) * 1000 + 2 * 3_600_000
    redis_client.xadd(streams.listings, {"data": "{}"}, id=f"{ahead_ms}-0")
    deliver(redis_client, streams, 1)
    status = read_status(redis_client, streams)
    assert (status.backlog.pending, status.backlog.oldest_pending_s, status.latency_ms) == (1, 0.0, None)
    assert status.reasons == (
        "entry ids of listings are 2.0 h ahead of Redis's clock: their ages and latencies are unknown",
    )
    predict(redis_client, streams, f"{ahead_ms}-0")
    status = read_status(redis_client, streams)
    assert status.latency_ms is None
    (line,) = [text for name, text in _rest(status) if name == "latency"]
    assert line == "unknown: entry ids are ahead of Redis's clock"


@pytest.mark.usefixtures("running")
def test_a_heartbeat_from_before_the_clock_was_set_back_is_not_of_a_living_consumer(
    redis_client: redis.Redis, streams: Streams
) -> None:
    beat(redis_client, streams, "a2", silent_s=-86_400)
    status = read_status(redis_client, streams)
    assert [(each.heartbeat.name, each.is_living) for each in status.consumers] == [("a1", True), ("a2", False)]


@pytest.mark.usefixtures("running")
def test_a_silent_consumer_degrades(redis_client: redis.Redis, streams: Streams) -> None:
    beat(redis_client, streams, "a2", silent_s=40)
    status = read_status(redis_client, streams)
    assert status.state == "degraded"
    assert status.reasons[0].startswith("a2: no heartbeat for 4")
    assert [(c.heartbeat.name, c.is_living) for c in status.consumers] == [("a1", True), ("a2", False)]


@pytest.mark.usefixtures("running")
def test_a_consumer_with_another_model_degrades(redis_client: redis.Redis, streams: Streams) -> None:
    beat(redis_client, streams, "a2", version="6", activation="0-1")
    status = read_status(redis_client, streams)
    assert (status.state, status.reasons) == ("degraded", ("a2: runs version 6, 7 is desired",))


def test_a_domain_whose_consumers_all_wait_is_down_with_their_reasons(
    redis_client: redis.Redis, streams: Streams
) -> None:
    beat(redis_client, streams, state="waiting", reasons=["model: none activated"], version=None, activation=None)
    known = ["model: no model has been activated yet: `tasador train`"]
    beat(redis_client, streams, "a2", state="waiting", reasons=known, version=None, activation=None)
    run_beside(redis_client, streams)
    status = read_status(redis_client, streams, load_domain("housing"))
    assert status.state == "down"
    assert status.reasons == (
        "no model has been activated yet: `tasador train`",
        "a1: waiting (model: none activated)",
    )


def test_a_first_training_is_named_with_its_phase_instead_of_an_advice_to_train(
    redis_client: redis.Redis, streams: Streams
) -> None:
    now_ms = int(redis_client.time()[0] * 1000)
    training = Activity(
        what="training", since_ms=now_ms - 41_500, phase="train", phase_since_ms=now_ms - 12_500, detail="3 of 25"
    )
    run_beside(redis_client, streams)
    beat_as(redis_client, streams.trainers, TrainerHeartbeat, "train-h-1", is_worker=False, activities=[training])
    status = read_status(redis_client, streams)
    (reason,) = (reason for reason in status.reasons if "no model" in reason)
    assert re.fullmatch(
        r"no model has been activated yet: train-h-1 is training for 4\d s \(train for 1\d s: 3 of 25\)", reason
    )
    (job,) = status.jobs
    assert (job.process, job.activity.phase, int(job.seconds) // 10) == ("train-h-1", "train", 4)


@pytest.mark.usefixtures("running")
def test_silent_and_missing_trainers_and_monitors_degrade(redis_client: redis.Redis, streams: Streams) -> None:
    redis_client.delete(streams.monitors)
    beat_as(redis_client, streams.trainers, TrainerHeartbeat, "t1", at_ms=int(redis_client.time()[0] * 1000) - 40_000)
    status = read_status(redis_client, streams)
    assert status.state == "degraded"
    assert status.reasons[:2] == ("no training worker lives", "no monitor lives")
    assert status.reasons[2].startswith("t1: no heartbeat for 4")


@pytest.mark.usefixtures("running")
def test_a_paused_loop_is_shown_with_who_and_why(redis_client: redis.Redis, streams: Streams) -> None:
    assert read_status(redis_client, streams).loop_pause is None
    fields: dict[Any, Any] = {"time": "2026-11-20T12:00:00Z", "actor": "ada", "command_id": "c-1", "reason": "why"}
    redis_client.hset(streams.loop, mapping=fields)
    status = read_status(redis_client, streams)
    assert status.state == "healthy", "somebody wanted it"
    assert status.loop_pause is not None
    assert (status.loop_pause.actor, status.loop_pause.reason) == ("ada", "why")


@pytest.mark.usefixtures("running")
def test_the_newest_model_events_are_shown_without_what_is_none(redis_client: redis.Redis, streams: Streams) -> None:
    redis_client.xadd(streams.model_events, {"data": "no event"})
    for version in range(7):
        event = ModelEvent.of("t", "model.activated", version=str(version))
        redis_client.xadd(streams.model_events, {"data": event.model_dump_json()})
    assert [one.event.data.version for one in read_status(redis_client, streams).events] == ["6", "5", "4", "3", "2"]


@pytest.mark.usefixtures("running")
def test_an_old_pending_entry_degrades(redis_client: redis.Redis, streams: Streams) -> None:
    redis_client.xadd(streams.listings, {"data": "{}"}, id="1000-0")
    deliver(redis_client, streams, 1)
    status = read_status(redis_client, streams)
    assert status.backlog.pending == 1
    assert status.state == "degraded"
    assert status.reasons[0].startswith("an entry has been pending for ")


@pytest.mark.usefixtures("running")
def test_a_backlog_at_the_high_water_mark_degrades(redis_client: redis.Redis, streams: Streams) -> None:
    publish(redis_client, streams, 3)
    deliver(redis_client, streams, 1)
    status = read_status(redis_client, streams, high_water=3)
    assert (status.backlog.undelivered, status.backlog.pending, status.backlog.total) == (2, 1, 3)
    assert status.reasons == ("the backlog of 3 has reached the high-water mark 3",)


@pytest.mark.usefixtures("running")
def test_totals_dead_letters_and_spread_come_from_the_counts(redis_client: redis.Redis, streams: Streams) -> None:
    ids = publish(redis_client, streams, 5)
    deliver(redis_client, streams, 5)
    predict(redis_client, streams, ids[0], 10.0)
    predict(redis_client, streams, ids[1], 30.0)
    refuse(redis_client, streams, ids[2], reason="poison")
    refuse(redis_client, streams, ids[3], reason="not_json")
    drop_repeat(redis_client, streams, ids[4])
    status = read_status(redis_client, streams, load_domain("housing"))
    assert (status.totals.answered, status.totals.scored, status.totals.refused, status.totals.repeats) == (5, 2, 2, 1)
    assert status.dead_letters == {"not_json": 1, "poison": 1}
    assert (status.dead_letters_kept, status.rate_limited_kept) == (2, 0)
    assert status.predictions is not None
    assert (status.predictions.mean, status.predictions.sd) == (20.0, 10.0)
    assert status.latency_ms is not None
    assert status.latency_ms.count == 2
    assert read_status(redis_client, streams, load_domain("obesity")).predictions is None
    assert json.loads(status.model_dump_json())["state"] == "healthy"


def test_sums_that_cancel_give_a_spread_of_zero(redis_client: redis.Redis, streams: Streams) -> None:
    sums: dict[Any, Any] = {"scored": 3, "prediction_sum": 3 * 22.1, "prediction_sum_squares": 3 * 22.1**2 - 1e-9}
    redis_client.hset(streams.progress, mapping=sums)
    spread = read_status(redis_client, streams).predictions
    assert spread is not None
    assert spread.sd == 0


def test_latency_is_the_time_between_the_two_entry_ids(redis_client: redis.Redis, streams: Streams) -> None:
    for published_ms, answered_ms in ((1000, 1010), (2000, 2030)):
        event = json.dumps({"id": f"{published_ms}-0"})
        redis_client.xadd(streams.predictions, {"data": event}, id=f"{answered_ms}-0")
    latency = read_latency(redis_client, streams)
    assert latency is not None
    assert (latency.avg, latency.p50, latency.p99) == (20, 10, 30)
    newest = read_latency(redis_client, streams, sample=1)
    assert newest is not None
    assert (newest.count, newest.avg) == (1, 30)


def test_percentiles_are_nearest_ranks() -> None:
    latency = latency_of(range(1, 101))
    assert latency is not None
    assert (latency.p50, latency.p95, latency.p99) == (50, 95, 99)


def test_the_rate_counts_answers_of_every_kind_in_the_last_minute(redis_client: redis.Redis, streams: Streams) -> None:
    seconds, _ = redis_client.time()
    for key, age_s in (
        (streams.predictions, 90),
        (streams.predictions, 30),
        (streams.dead_letters, 20),
        (streams.repeats, 10),
    ):
        redis_client.xadd(key, {"data": "{}"}, id=f"{(seconds - age_s) * 1000}-0")
    assert read_rate(redis_client, streams) == pytest.approx(3 / 60)


def test_the_rate_of_a_busy_stream_covers_the_newest_answers(redis_client: redis.Redis, streams: Streams) -> None:
    seconds, _ = redis_client.time()
    pipeline = redis_client.pipeline(transaction=False)
    for number in range(600):
        pipeline.xadd(streams.predictions, {"data": "{}"}, id=f"{(seconds - 10) * 1000 + number}-0")
    pipeline.xadd(streams.dead_letters, {"data": "{}"}, id=f"{(seconds - 30) * 1000}-0")
    pipeline.execute()
    assert read_rate(redis_client, streams) == pytest.approx(500 / 10, rel=0.2)


def test_under_load_the_rate_is_measured(
    redis_client: redis.Redis, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.latency._MAX_ENTRIES", 3)
    ids = publish(redis_client, streams, 4)
    for entry_id in ids:
        predict(redis_client, streams, entry_id)
    monkeypatch.setattr(
        "monitoring.latency.time.sleep", lambda _: redis_client.hincrby(streams.progress, "answered", 1000)
    )
    assert read_rate(redis_client, streams) > 1000
