"""Decoding of valid listings."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from faststream.redis.parser.binary import BinaryMessageFormatV1

from schemas.decoding import ListingDecoder, payload_of
from schemas.domain import load_domain
from schemas.sections import LimitSettings
from tests.listings import Row, listing

HOUSING = load_domain("housing")
DECODER = ListingDecoder(HOUSING, LimitSettings())


def _row(payload: bytes) -> Row:
    return dict(zip(HOUSING.columns, msgspec.structs.astuple(DECODER.decode(payload).data), strict=True))


def test_every_real_row_is_accepted_unchanged(boston_rows: list[Row]) -> None:
    assert len(boston_rows) == 506
    assert [_row(listing(row, f"l-{i}")) for i, row in enumerate(boston_rows)] == boston_rows


def test_the_contract_accepts_every_real_row_too(boston_rows: list[Row]) -> None:
    for row in boston_rows:
        payload = listing(row, "l-1")
        assert DECODER.decode_by_contract(payload) == DECODER.decode(payload)


@pytest.mark.parametrize("column", [feature.column for feature in HOUSING.features if feature.may_miss])
def test_a_feature_that_may_be_missing_may_be_absent_or_null(boston_rows: list[Row], column: str) -> None:
    without = {key: value for key, value in boston_rows[0].items() if key != column}
    expected = boston_rows[0] | {column: None}
    assert _row(listing(without, "l-1")) == _row(listing(without | {column: None}, "l-1")) == expected
    assert _row(listing(without, "l-1", region="takes the slow path")) == expected


def test_unknown_attributes_of_the_envelope_are_accepted(boston_rows: list[Row]) -> None:
    payload = listing(boston_rows[0], "l-1", source="/agency/42", subject="p-1", region="north", score=1, junk=[{}])
    decoded = DECODER.decode(payload)
    assert (decoded.id, decoded.source, decoded.subject) == ("l-1", "/agency/42", "p-1")


def test_attributes_for_replies_and_explanations_take_the_fast_path(boston_rows: list[Row]) -> None:
    payload = listing(boston_rows[0], "l-1", replyto="asker-1", explain=True, subject="p-1")
    (decoded,) = DECODER.decode_all([payload]) or []
    assert (decoded.replyto, decoded.explain, decoded.subject) == ("asker-1", True, "p-1")
    assert decoded == DECODER.decode_by_contract(payload)


@pytest.mark.parametrize("name", [5, 0.5, True, None, [], {"asker": 1}])
def test_a_reply_name_that_is_no_text_is_ignored(boston_rows: list[Row], name: object) -> None:
    assert DECODER.decode(listing(boston_rows[0], "l-1", replyto=name)).replyto is None


def test_missing_attributes_have_defaults(boston_rows: list[Row]) -> None:
    decoded = DECODER.decode(listing(boston_rows[0], "l-1"))
    assert (decoded.source, decoded.specversion, decoded.type) == ("", "1.0", "listing.submitted")
    assert (decoded.time, decoded.subject, decoded.traceparent) == (None, None, None)
    assert (decoded.replyto, decoded.explain) == (None, None)


def test_the_payload_is_read_from_the_field_data(boston_rows: list[Row]) -> None:
    payload = listing(boston_rows[0], "l-1")
    assert payload_of({b"other": b"x", b"data": payload, b"__data__": b""}) is payload


async def test_the_payload_is_read_from_faststreams_envelope(boston_rows: list[Row]) -> None:
    event: dict[str, Any] = {"id": "l-1", "data": boston_rows[0]}
    envelope = await BinaryMessageFormatV1.encode(
        message=event, reply_to="answers", headers={"agency": "été"}, correlation_id="c-1"
    )
    payload = payload_of({b"__data__": envelope})
    assert json.loads(payload) == event
    assert _row(payload) == boston_rows[0]
