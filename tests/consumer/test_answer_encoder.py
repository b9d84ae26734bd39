"""The fast encoders write exactly the attributes of the pydantic events."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from consumer.answer_encoder import AnswerEncoder
from schemas.decoding import DecodedListing, ListingDecoder
from schemas.domain import Domain, load_domain
from schemas.errors import FieldError, RefusedListingError
from schemas.events import DeadLetter, Prediction
from schemas.refusals import Reason
from schemas.sections import LimitSettings
from schemas.stamp import Stamp

HOUSING, OBESITY = load_domain("housing"), load_domain("obesity")
ENTRY, TIME = "1795219101518-3", "2026-11-20T12:00:00.123456Z"
STAMP = Stamp("7", "1795219101000-0")
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _decoded(domain: Domain, **attributes: Any) -> DecodedListing:
    row = {f.column: f.categories[0] if f.categories else f.ge for f in domain.features}
    payload = json.dumps({"id": "l-1", "data": row} | attributes).encode()
    return ListingDecoder(domain, LimitSettings()).decode(payload)


def _assert_is_all_of(event: BaseModel, encoded: bytes) -> None:
    """Check that an event has only attributes of the contract, which serializes it to the same JSON."""
    assert event.model_extra == {}
    assert event.model_dump(mode="json", exclude_unset=True) == json.loads(encoded)


def _dead_letter(payload: bytes | None, limit: int = 1000, refused: RefusedListingError | None = None) -> DeadLetter:
    error = refused or RefusedListingError(Reason.INVALID_VALUE, (FieldError("RM", "no number"),), "l-1", "/agency")
    encoded = AnswerEncoder(HOUSING, limit).dead_letter(ENTRY, TIME, error, payload, 2, "c1")
    letter = DeadLetter.model_validate_json(encoded)
    _assert_is_all_of(letter, encoded)
    return letter


def test_a_prediction_equals_its_contract() -> None:
    listing = _decoded(HOUSING, source="/agency/42", subject="p-981", traceparent=TRACE)
    encoded = AnswerEncoder(HOUSING, 1000).predictions(
        [ENTRY], TIME, [listing], [26.42], STAMP, {0: ["CRIM"]}, {0: ["TAX", "B"]}
    )
    event = Prediction.model_validate_json(encoded)
    _assert_is_all_of(event, encoded)
    assert (event.id, event.source, event.type) == (ENTRY, "tasador/housing", "listing.scored")
    assert event.time == datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
    assert (event.subject, event.traceparent) == ("p-981", TRACE)
    assert (event.data.listing_id, event.data.listing_source) == ("l-1", "/agency/42")
    assert (event.data.prediction, event.data.imputed, event.data.unusual) == (26.42, ["CRIM"], ["TAX", "B"])
    assert (event.data.model.version, event.data.model.activation) == (STAMP.version, STAMP.activation)


def test_missing_attributes_of_a_prediction_are_left_out() -> None:
    encoded = AnswerEncoder(HOUSING, 1000).predictions([ENTRY], TIME, [_decoded(HOUSING, source=None)], [1e-7], STAMP)
    event = json.loads(encoded)
    assert set(event) == {"specversion", "id", "source", "type", "time", "data"}
    assert set(event["data"]) == {"listing_id", "listing_source", "prediction", "model", "imputed", "unusual"}
    assert (event["data"]["listing_source"], event["data"]["prediction"]) == ("", 1e-7)


def test_a_classification_carries_probabilities_confidence_and_labels() -> None:
    probabilities = [0.05, 0.1, 0.1, 0.05, 0.6, 0.05, 0.05]
    encoded = AnswerEncoder(OBESITY, 1000).classifications(
        [ENTRY], TIME, [_decoded(OBESITY)], [probabilities], STAMP, winners=[4]
    )
    event = Prediction.model_validate_json(encoded)
    _assert_is_all_of(event, encoded)
    assert event.source == "tasador/obesity"
    assert (event.data.prediction, event.data.confidence) == ("Obesity_Type_I", 0.6)
    assert event.data.probabilities == dict(zip(OBESITY.target.classes, probabilities, strict=True))
    assert event.data.labels == {"risk_level": "high"}


def test_a_dead_letter_equals_its_contract() -> None:
    payload = '{"id":"l-1","größe":1}'.encode()
    data = _dead_letter(payload).data
    assert (data.listing_id, data.listing_source, data.reason) == ("l-1", "/agency", Reason.INVALID_VALUE)
    assert [(error.field, error.message) for error in data.errors] == [("RM", "no number")]
    assert (data.payload, data.payload_encoding) == (payload.decode(), "text")
    assert (data.payload_bytes, data.payload_sha256) == (len(payload), hashlib.sha256(payload).hexdigest())
    assert (data.delivery_count, data.consumer) == (2, "c1")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_can_be_written(reason: Reason) -> None:
    refused = RefusedListingError(reason, (FieldError("", "why"),))
    letter = _dead_letter(b"x", refused=refused)
    assert (letter.data.reason, letter.data.listing_id, letter.data.listing_source) == (reason, None, "")


def test_a_payload_is_cut_at_the_limit_and_its_size_and_hash_are_kept() -> None:
    payload = b"x" * 5000
    data = _dead_letter(payload, limit=100).data
    assert (data.payload, data.payload_encoding) == ("x" * 100, "text")
    assert (data.payload_bytes, data.payload_sha256) == (5000, hashlib.sha256(payload).hexdigest())


def test_a_character_that_the_limit_cuts_is_left_out() -> None:
    assert _dead_letter("é".encode() * 10, limit=5).data.payload == "éé"


def test_a_binary_payload_is_kept_as_base64() -> None:
    data = _dead_letter(b"\xff\x00" * 100, limit=101).data
    assert data.payload_encoding == "base64"
    assert base64.b64decode(data.payload or "") == (b"\xff\x00" * 100)[:101]
    assert data.payload_bytes == 200


def test_a_payload_that_is_gone_is_null() -> None:
    data = _dead_letter(None).data
    assert (data.payload, data.payload_bytes) == (None, 0)


def test_a_batch_keeps_its_order_with_any_text() -> None:
    subjects = ["a\nb", "x", "}\r\n{", None, '"\\n"', "\u2028"]
    listings = [_decoded(HOUSING, subject=subject) for subject in subjects]
    entry_ids = [f"{number}-0" for number in range(len(subjects))]
    encoded = AnswerEncoder(HOUSING, 1000).predictions(
        entry_ids, TIME, listings, [float(number) for number in range(len(subjects))], STAMP, {}, {2: ["B"]}
    )
    events = [json.loads(one) for one in encoded.split(b"\n")[:-1]]
    assert [(event["id"], event.get("subject")) for event in events] == list(zip(entry_ids, subjects, strict=True))
    assert [event["data"]["prediction"] for event in events] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert [event["data"]["unusual"] for event in events] == [[], [], ["B"], [], [], []]
    assert AnswerEncoder(HOUSING, 1000).predictions([], TIME, [], [], STAMP) == b""
