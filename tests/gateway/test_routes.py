"""What the gateway answers about the domain, its model and its listings."""

from __future__ import annotations

import json
from typing import Any

from operations.status import read_status
from schemas.drift import ColumnDrift, DriftEvent, DriftReport, WindowSpan
from schemas.events import Outcome
from schemas.streams import Streams
from tests.consumer.harness import PRICE_OF_ROW, ROW, Client, answers
from tests.gateway.system import HttpClient
from tests.waiting import wait_until


def test_health_names_state_model_uptime_total_and_warnings(gateway: HttpClient) -> None:
    gateway.post("/predict", ROW)
    health = wait_until(lambda: (h := gateway.get("/health").json)["total_predictions"] and h)
    # it scores, but no worker and no monitor run here
    assert (health["status"], health["model_loaded"], health["model_version"]) == ("warning", True, "1")
    assert health["uptime_hours"] >= 0
    assert "no monitor lives" in health["warnings"]
    assert gateway.get("/obesity/health").json["model_loaded"] is True


def test_metrics_are_json_and_text_for_those_who_ask_for_text(gateway: HttpClient) -> None:
    gateway.post("/predict", ROW)
    figures = wait_until(lambda: (m := gateway.get("/metrics").json)["total_predictions"] and m)
    assert figures["avg_prediction"] > 0
    assert figures["std_prediction"] >= 0
    assert figures["predictions_per_hour"] >= 0
    assert 0 < figures["p50_inference_time"] <= figures["p95_inference_time"] <= figures["p99_inference_time"]
    assert figures["avg_inference_time"] > 0
    assert figures["uptime_hours"] >= 0
    assert gateway.get("/obesity/metrics").json["avg_prediction"] is None
    for accepted in (
        "text/plain",
        "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    ):
        text = gateway.get("/metrics", {"Accept": accepted})
        assert text.headers["content-type"].startswith("text/plain; version=0.0.4")
        assert b'tasador_gateway_requests_total{domain="housing",status="200"}' in text.body
    assert gateway.get("/metrics", {"Accept": "text/html,*/*"}).headers["content-type"] == "application/json"


def test_the_status_of_a_domain_counts_its_requests(
    gateway: HttpClient, shared_redis: Client, shared_streams: Streams
) -> None:
    def counts() -> tuple[int, int]:
        (status,) = read_status(shared_redis, shared_streams).gateways
        return status.heartbeat.requests, status.heartbeat.refused

    requests, refused = wait_until(counts)
    assert gateway.post("/predict", ROW).status == 200
    assert gateway.post("/predict", {}).status == 422
    wait_until(lambda: counts()[0] >= requests + 2 and counts()[1] >= refused + 1)


def test_the_model_and_its_features_are_described(gateway: HttpClient) -> None:
    model = gateway.get("/model/info").json
    assert (model["model_name"], model["task"], model["target"]) == ("housing", "regression", "MEDV")
    assert model["active"] == {"1": 1}
    features = {feature["name"]: feature for feature in model["features"]}
    assert list(features) == list(ROW)
    assert (features["RM"]["minimum"], features["RM"]["may_miss"], features["RM"]["unit"]) == (1, False, "rooms")
    assert "Obesity_Type_I" in gateway.get("/obesity/model/info").json["classes"]


def test_the_newest_drift_report_is_shown(gateway: HttpClient, shared_redis: Client, shared_streams: Streams) -> None:
    assert gateway.get("/drift").json["reason"] == "nothing_reported"
    column = ColumnDrift(
        name="RM",
        role="feature",
        kind="number",
        verdict="drift",
        alarms=(),
        rows=1,
        reference_rows=1,
        reference_missing_share=0,
        missing_share=0,
        unusual_share=0,
        wasserstein_sd=1,
    )
    report = DriftReport(verdict="drift", reference_rows=1, windows=(WindowSpan(rows=1),), needed=1, columns=(column,))
    event = DriftEvent(source="tasador/housing/monitor/m", data=report)
    shared_redis.xadd(shared_streams.drift, {"data": event.model_dump_json()})
    try:
        shown = gateway.get("/drift").json
        assert (shown["verdict"], shown["columns"][0]["name"]) == ("drift", "RM")
    finally:
        shared_redis.delete(shared_streams.drift)


def test_predictions_and_refusals_are_found_by_id(
    gateway: HttpClient, shared_redis: Client, shared_streams: Streams
) -> None:
    made = gateway.post("/predict", {"id": "find me/1", **ROW}).json
    for path in ("/predictions/find%20me%2F1", "/housing/predictions/find%20me%2F1"):
        found = gateway.get(path)
        assert (found.status, found.json["entry"]) == (200, made["entry"])
    gateway.post("/predict", {"id": "refused-1", **ROW, "RM": 99})
    refused = gateway.get("/predictions/refused-1")
    assert (refused.status, refused.json["reason"]) == (422, "out_of_range")
    assert gateway.get("/predictions/unknown").status == 404
    # deduplication has forgotten it, but the monitor has indexed it
    gateway.post("/predict", {"id": "indexed-1", **ROW})
    shared_redis.delete(shared_streams.dedup_current, shared_streams.dedup_previous)
    assert gateway.get("/predictions/indexed-1").status == 404
    entry_id, fields = shared_redis.xrevrange(shared_streams.predictions, count=1)[0]
    hour = int(entry_id.split(b"-")[0]) // 3_600_000
    answered = json.loads(fields[b"data"])["id"]
    indexed = json.dumps([answered, int(entry_id.split(b"-")[0]), PRICE_OF_ROW, "1"])
    shared_redis.hset(shared_streams.recent_predictions(hour), "gateway/local\nindexed-1", indexed)
    assert gateway.get("/predictions/indexed-1").json["entry"] == answered


def test_outcomes_are_published_for_the_monitor(
    gateway: HttpClient, shared_redis: Client, shared_streams: Streams
) -> None:
    shared_redis.delete(shared_streams.outcomes)
    one = {"listing_id": "sold-1", "outcome": 24.5}
    many = [{"listing_id": "sold-2", "outcome": 20, "id": "o-2", "time": "2026-01-01T00:00:00Z"}, one]
    replies = [gateway.post("/outcomes", one), gateway.post("/outcomes", many)]
    assert [(reply.status, reply.json["accepted"]) for reply in replies] == [(202, 1), (202, 2)]
    events = [Outcome.model_validate(event) for event in answers(shared_redis, shared_streams.outcomes)]
    assert [event.data.listing_id for event in events] == ["sold-1", "sold-2", "sold-1"]
    assert {event.data.listing_source for event in events} == {"gateway/local"}
    assert events[1].id == "o-2"
    refused: tuple[Any, ...] = (
        {"listing_id": "x", "outcome": "cheap"},
        {"listing_id": "x"},
        {"outcome": 1},
        [],
        {"a": 1},
    )
    for wrong in refused:
        assert gateway.post("/outcomes", wrong).status == 422
    assert gateway.post("/obesity/outcomes", {"listing_id": "x", "outcome": "thin"}).status == 422
    assert gateway.post("/obesity/outcomes", {"listing_id": "x", "outcome": "Normal_Weight"}).status == 202
    assert shared_redis.xlen(shared_streams.outcomes) == 3


def test_a_reload_that_nobody_carries_out_is_answered_in_time(gateway: HttpClient) -> None:
    reply = gateway.post("/admin/reload", {"version": "2", "timeout_s": 0.1})
    assert (reply.status, reply.json["reason"]) == (504, "not_confirmed")
    assert "no training worker runs" in reply.json["detail"]
    for wrong in ({"version": "1", "alias": "champion"}, {"force": True}, {"reason": "x"}, {"nix": 1}):
        assert gateway.post("/admin/reload", wrong).status == 422


def test_unknown_paths_and_methods_are_problems_in_json(gateway: HttpClient) -> None:
    for method, path, status in (
        ("GET", "/", 404),
        ("GET", "/nix", 404),
        ("POST", "/health", 405),
        ("GET", "/outcomes", 405),
        ("GET", "/docs/../keys", 404),
        ("GET", "/v2/models/nix", 404),
    ):
        reply = gateway.call(method, path)
        assert (reply.status, reply.json["status"]) == (status, status)
