"""Requests in all shapes get the predictions of the stream, and what the stream refuses has its status."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.streams import Streams
from tests.consumer.harness import PRICE_OF_ROW, ROW, Client, answers
from tests.gateway.system import HttpClient

PERSON = {
    "Age": 21,
    "Height": 1.62,
    "Weight": 64,
    "FCVC": 2,
    "CH2O": 2,
    "FAF": 0,
    "TUE": 1,
    "CALC": "no",
    "MTRANS": "Public_Transportation",
}


def test_flat_features_are_predicted_with_the_fields_of_older_systems_and_more(gateway: HttpClient) -> None:
    reply = gateway.post("/predict", ROW)
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    answer = reply.json
    assert answer["prediction"] == PRICE_OF_ROW
    assert (answer["model_version"], answer["model_name"]) == ("1", "housing")
    assert 0 < answer["inference_time"] < 10
    assert answer["features_used"] == list(ROW)
    assert (answer["imputed"], answer["unusual"]) == ([], [])
    assert answer["listing_id"]
    assert answer["listing_source"] == "gateway/local"
    assert answer["model"] == {"version": "1", "activation": "1-0"}
    assert answer["interval"] == [PRICE_OF_ROW - 2, PRICE_OF_ROW + 3]
    assert answer["coverage"] == 0.9
    assert "candidates" not in answer


def test_numbers_may_be_floats_and_missing_features_are_imputed_and_named(gateway: HttpClient) -> None:
    row = {**ROW, "CHAS": 0.0, "RAD": 1.0}
    for name in ("ZN", "INDUS", "CHAS"):
        del row[name]
    answer = gateway.post("/predict", row).json
    assert answer["prediction"] == PRICE_OF_ROW
    assert answer["imputed"] == ["ZN", "INDUS", "CHAS"]
    assert answer["features_used"] == list(row)
    assert gateway.post("/predict", {**ROW, "CHAS": 0.0, "RAD": 1.0}).json["imputed"] == []


def test_another_domain_is_served_under_its_name_with_a_part_of_its_features(gateway: HttpClient) -> None:
    answer = gateway.post("/obesity/predict", PERSON).json
    assert answer["prediction"] == "Insufficient_Weight"
    assert answer["probabilities"]["Insufficient_Weight"] == 0.5
    assert sum(answer["probabilities"].values()) == pytest.approx(1)
    assert answer["imputed"] == ["Gender", "family_history_with_overweight", "FAVC", "NCP", "CAEC", "SMOKE", "SCC"]
    assert answer["labels"] == {"risk_level": "medium"}
    assert answer["candidates"] == ["Insufficient_Weight", "Normal_Weight"]
    assert (answer["coverage"], "interval" in answer) == (0.9, False)
    assert gateway.post("/housing/predict", ROW).json["prediction"] == PRICE_OF_ROW


BATCHES: dict[str, Any] = {
    "a list": [ROW, {**ROW, "RM": 7}],
    "instances": {"instances": [ROW, {**ROW, "RM": 7}]},
    "any object with one list of objects": {"homes": [ROW, {**ROW, "RM": 7}], "note": "x"},
    "events": [{"data": ROW}, {"specversion": "1.0", "id": "e-1", "source": "/a", "data": {**ROW, "RM": 7}}],
}


@pytest.mark.parametrize("path", ["/predict", "/predict/batch"])
@pytest.mark.parametrize("shape", BATCHES)
def test_a_batch_is_predicted_in_every_shape(gateway: HttpClient, path: str, shape: str) -> None:
    body = json.loads(json.dumps(BATCHES[shape]).replace("e-1", f"e-1-{path}"))
    reply = gateway.post(path, body)
    assert reply.status == 200
    assert [one["prediction"] for one in reply.json["predictions"]] == [PRICE_OF_ROW, 14]
    assert (reply.json["count"], reply.json["refused"], reply.json["model_name"]) == (2, 0, "housing")


def test_a_batch_of_thousands_keeps_its_order(gateway: HttpClient) -> None:
    rooms = [2 + number / 250 for number in range(2500)]
    reply = gateway.post("/predict/batch", [{**ROW, "RM": rm} for rm in rooms])
    assert [one["prediction"] for one in reply.json["predictions"]] == pytest.approx([2 * rm for rm in rooms])


def test_each_listing_of_a_batch_has_its_own_problem(gateway: HttpClient) -> None:
    reply = gateway.post("/predict/batch", [ROW, {**ROW, "RM": 99}, {"data": 7}])
    good, bad, no_object = reply.json["predictions"]
    assert (reply.status, reply.json["refused"]) == (200, 2)
    assert good["prediction"] == PRICE_OF_ROW
    assert (bad["status"], bad["reason"], bad["errors"][0]["value"]) == (422, "out_of_range", 99)
    assert no_object["status"] == 400
    assert gateway.post("/predict/batch", [{**ROW, "RM": 99}]).status == 422


def test_an_event_keeps_its_attributes_and_gets_the_source_of_its_key(
    gateway: HttpClient, shared_redis: Client, shared_streams: Streams
) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = {"id": "event-1", "source": "/agency/7", "subject": "property-981", "replyto": "ask-mine", "data": ROW}
    headers = {"Content-Type": "application/cloudevents+json; charset=utf-8", "traceparent": trace}
    answer = gateway.post("/predict", event, headers).json
    assert (answer["listing_id"], answer["listing_source"]) == ("event-1", "gateway/local")
    (prediction,) = [
        one for one in answers(shared_redis, shared_streams.predictions) if one["data"]["listing_id"] == "event-1"
    ]
    assert (prediction["subject"], prediction["traceparent"]) == ("property-981", trace)
    assert not shared_redis.exists(shared_streams.replies("ask-mine"))


def test_id_and_subject_may_stand_among_the_features(gateway: HttpClient) -> None:
    answer = gateway.post("/predict", {"id": 17, "subject": "property-1", **ROW}).json
    assert (answer["listing_id"], answer["prediction"]) == ("17", PRICE_OF_ROW)
    assert gateway.post("/predict", {"features": ROW}).json["prediction"] == PRICE_OF_ROW


REFUSED: dict[str, tuple[Any, int, str]] = {
    "half an object": (b'{"RM": 1', 400, "not_json"),
    "not UTF-8": (b'{"RM": "\xff"}', 400, "not_json"),
    "nothing": (b"", 400, "not_json"),
    "NaN": (b'{"RM": NaN}', 400, "not_json"),
    "deep": (b"[" * 100_000, 400, "not_json"),
    "a number": (7, 400, "not_an_object"),
    "an empty batch": ([], 400, "no_listings"),
    "a batch of numbers": ([1, 2], 400, "not_an_object"),
    "an event without an object": ({"data": [1]}, 400, "not_an_event"),
    "unknown feature": ({**ROW, "ROOMS": 1}, 422, "unknown_feature"),
    "missing feature": ({"RM": 6}, 422, "missing_feature"),
    "a subject alone": ({"subject": "property-981"}, 422, "missing_feature"),
    "text for a number": ({**ROW, "RM": "six"}, 422, "invalid_value"),
    "half for an integer": ({**ROW, "RAD": 1.5}, 422, "invalid_value"),
    "out of range": ({**ROW, "RM": 99}, 422, "out_of_range"),
    "an empty id": ({"id": "", "data": ROW}, 422, "invalid_id"),
    "an id that is no text": ({"id": [1], "data": ROW}, 422, "invalid_id"),
    "a huge integer": (b'{"RM": %b}' % (b"9" * 400), 422, "missing_feature"),
    "a listing beyond its limit": ({**ROW, "note": "x" * 70_000}, 413, "too_large"),
    "too many values": ({f"f{number}": 1 for number in range(500)}, 413, "too_large"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_has_its_status_and_reason(gateway: HttpClient, what: str) -> None:
    body, status, reason = REFUSED[what]
    reply = gateway.post("/predict", body, {"Content-Type": "application/json"})
    assert (reply.status, reply.json["reason"], reply.json["status"]) == (status, reason, status)
    assert reply.json["detail"]


def test_a_refusal_names_field_value_and_reason(gateway: HttpClient) -> None:
    answer = gateway.post("/predict", {**ROW, "RM": 99, "CHAS": 7}).json
    assert answer["reason"] == "out_of_range"
    assert {one["field"]: one["value"] for one in answer["errors"]} == {"RM": 99, "CHAS": 7}
    assert all(one["message"] for one in answer["errors"])
    assert answer["entry"]
    assert answer["listing_id"]


def test_other_media_types_and_methods_are_refused(gateway: HttpClient) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        reply = gateway.post("/predict", b"{}", {"Content-Type": kind})
        assert (reply.status, reply.json["reason"]) == (415, "media_type")
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        reply = gateway.call(method, "/predict")
        assert (reply.status, reply.headers["allow"]) == (405, "POST")


def test_a_request_that_does_not_wait_is_answered_at_once(gateway: HttpClient) -> None:
    reply = gateway.post("/predict?wait=0", {"id": "later-1", **ROW})
    assert (reply.status, reply.json["listing_id"]) == (202, "later-1")
    assert reply.json["href"] == "/housing/predictions/later-1"
    batch = gateway.post("/predict/batch?wait=0", [ROW, ROW])
    assert (batch.status, len(batch.json["accepted"])) == (202, 2)
