"""Refused listings: the reason of each case, and the content of the dead letter."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.decoding import ListingDecoder, payload_of
from schemas.domain import load_domain
from schemas.errors import RefusedListingError
from schemas.refusals import MAX_ERRORS, MAX_MESSAGE, MAX_NAME, Reason
from schemas.sections import LimitSettings
from tests.listings import Row, listing

DECODER = ListingDecoder(load_domain("housing"), LimitSettings())
ROW: Row = dict.fromkeys(("CRIM", "ZN", "INDUS", "CHAS", "NOX", "AGE", "DIS", "TAX", "B", "LSTAT"), 1)
ROW |= {"RM": 6.5, "RAD": 4, "PTRATIO": 15.3}


def refusal(payload: bytes) -> RefusedListingError:
    with pytest.raises(RefusedListingError) as caught:
        DECODER.decode(payload)
    return caught.value


def _event(**attributes: Any) -> bytes:
    return json.dumps({"id": "l-1", "data": ROW} | attributes).encode()


def _without(column: str) -> bytes:
    return listing({key: value for key, value in ROW.items() if key != column}, "l-1")


def _valued(column: str, text: bytes) -> bytes:
    return listing(ROW | {column: "@"}, "l-1").replace(b'"@"', text)


NOT_JSON = {
    "empty": b"",
    "blank": b"  \n",
    "text": b"hello",
    "cut off": listing(ROW, "l-1")[:-1],
    "two events": listing(ROW, "l-1") * 2,
    "not UTF-8": b'{"id":"l-\xff","data":{}}',
    "lone surrogate": b'{"id":"\\ud800","data":{}}',
    "mismatched brackets": b'{"id":"l-1","data":[}',
}


@pytest.mark.parametrize("case", NOT_JSON)
def test_a_payload_that_is_not_json_is_refused(case: str) -> None:
    refused = refusal(NOT_JSON[case])
    assert (refused.reason, refused.listing_id, refused.listing_source) == (Reason.NOT_JSON, None, "")
    assert len(refused.errors) == 1


BROKEN = {
    "a list": (b"[]", Reason.NOT_AN_EVENT, ""),
    "a string": (b'"l-1"', Reason.NOT_AN_EVENT, ""),
    "a number": (b"1", Reason.NOT_AN_EVENT, ""),
    "null": (b"null", Reason.NOT_AN_EVENT, ""),
    "no data": (b'{"id":"l-1"}', Reason.NOT_AN_EVENT, "data"),
    "null data": (_event(data=None), Reason.NOT_AN_EVENT, "data"),
    "data is a list": (_event(data=[1]), Reason.NOT_AN_EVENT, "data"),
    "data is text": (_event(data="{}"), Reason.NOT_AN_EVENT, "data"),
    "specversion 0.3": (_event(specversion="0.3"), Reason.NOT_AN_EVENT, "specversion"),
    "specversion is a number": (_event(specversion=1.0), Reason.NOT_AN_EVENT, "specversion"),
    "time without offset": (_event(time="2026-11-20T12:00:00"), Reason.NOT_AN_EVENT, "time"),
    "time is no time": (_event(time="yesterday"), Reason.NOT_AN_EVENT, "time"),
    "time is a number": (_event(time=1795219101), Reason.NOT_AN_EVENT, "time"),
    "source with a space": (_event(source="a b"), Reason.NOT_AN_EVENT, "source"),
    "source with a newline": (_event(source="/a\n"), Reason.NOT_AN_EVENT, "source"),
    "source too long": (_event(source="x" * 257), Reason.NOT_AN_EVENT, "source"),
    "source is a number": (_event(source=42), Reason.NOT_AN_EVENT, "source"),
    "empty subject": (_event(subject=""), Reason.NOT_AN_EVENT, "subject"),
    "subject is a list": (_event(subject=["p"]), Reason.NOT_AN_EVENT, "subject"),
    "subject too long": (_event(subject="x" * 257), Reason.NOT_AN_EVENT, "subject"),
    "traceparent": (_event(traceparent="00-xyz"), Reason.NOT_AN_EVENT, "traceparent"),
    "no id": (json.dumps({"data": ROW}).encode(), Reason.INVALID_ID, "id"),
    "null id": (_event(id=None), Reason.INVALID_ID, "id"),
    "empty id": (_event(id=""), Reason.INVALID_ID, "id"),
    "id is a number": (_event(id=7), Reason.INVALID_ID, "id"),
    "id is a list": (_event(id=["l-1"]), Reason.INVALID_ID, "id"),
    "id too long": (_event(id="x" * 257), Reason.INVALID_ID, "id"),
    "unknown feature": (_event(data=ROW | {"POOL": 1}), Reason.UNKNOWN_FEATURE, "POOL"),
    "the target": (_event(data=ROW | {"MEDV": 24.0}), Reason.UNKNOWN_FEATURE, "MEDV"),
    "feature in lower case": (_event(data=ROW | {"rm": 6}), Reason.UNKNOWN_FEATURE, "rm"),
    "missing feature": (_without("RM"), Reason.MISSING_FEATURE, "RM"),
    "null feature": (_valued("RM", b"null"), Reason.MISSING_FEATURE, "RM"),
    "text": (_valued("RM", b'"big"'), Reason.INVALID_VALUE, "RM"),
    "numeric string": (_valued("RM", b'"6.5"'), Reason.INVALID_VALUE, "RM"),
    "numeric string in an integer": (_valued("CHAS", b'"1"'), Reason.INVALID_VALUE, "CHAS"),
    "boolean": (_valued("RM", b"true"), Reason.INVALID_VALUE, "RM"),
    "boolean in an integer": (_valued("CHAS", b"true"), Reason.INVALID_VALUE, "CHAS"),
    "list": (_valued("RM", b"[6.5]"), Reason.INVALID_VALUE, "RM"),
    "object": (_valued("RM", b'{"rooms":6}'), Reason.INVALID_VALUE, "RM"),
    "NaN": (_valued("RM", b"NaN"), Reason.INVALID_VALUE, "RM"),
    "NaN in an optional feature": (_valued("CRIM", b"NaN"), Reason.INVALID_VALUE, "CRIM"),
    "Infinity": (_valued("TAX", b"Infinity"), Reason.INVALID_VALUE, "TAX"),
    "-Infinity": (_valued("TAX", b"-Infinity"), Reason.INVALID_VALUE, "TAX"),
    "1e400": (_valued("TAX", b"1e400"), Reason.INVALID_VALUE, "TAX"),
    "1e400 in an integer": (_valued("RAD", b"1e400"), Reason.INVALID_VALUE, "RAD"),
    "0.5 for an integer": (_valued("RAD", b"4.5"), Reason.INVALID_VALUE, "RAD"),
    "0.5 for a binary feature": (_valued("CHAS", b"0.5"), Reason.INVALID_VALUE, "CHAS"),
    "2 for a binary feature": (_valued("CHAS", b"2"), Reason.OUT_OF_RANGE, "CHAS"),
    "above the range": (_valued("RM", b"15.001"), Reason.OUT_OF_RANGE, "RM"),
    "below the range": (_valued("NOX", b"-1e-9"), Reason.OUT_OF_RANGE, "NOX"),
    "an integer far above": (_valued("RAD", b"1" + b"0" * 400), Reason.OUT_OF_RANGE, "RAD"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_an_invalid_listing_is_refused_with_its_reason_and_field(case: str) -> None:
    payload, reason, field = BROKEN[case]
    refused = refusal(payload)
    assert (refused.reason, refused.errors[0].field) == (reason, field)
    assert refused.errors[0].message


@pytest.mark.parametrize("case", [case for case, (payload, _, _) in BROKEN.items() if b'"id": "l-1"' in payload])
def test_the_id_is_kept_if_it_can_be_read(case: str) -> None:
    assert refusal(BROKEN[case][0]).listing_id == "l-1"


def test_the_source_is_kept_if_it_is_a_string_within_the_length_limit() -> None:
    assert refusal(_event(source="/agency/42", data=None)).listing_source == "/agency/42"
    assert refusal(_event(source="x" * 257)).listing_source == ""
    assert refusal(_event(source=42)).listing_source == ""


def test_a_payload_over_the_limit_is_refused_unparsed() -> None:
    assert refusal(listing(ROW, "l-1", comment="x" * 65_536)).reason == Reason.TOO_LARGE
    padded = listing(ROW, "l-1")
    assert DECODER.decode(padded + b" " * (65_536 - len(padded))).id == "l-1"


def test_the_first_reason_is_the_dead_letters_and_all_errors_are_listed() -> None:
    row = {key: value for key, value in ROW.items() if key != "NOX"} | {"RM": "big", "TAX": 1e6, "POOL": 1}
    refused = refusal(listing(row, "l-1"))
    assert refused.reason == Reason.UNKNOWN_FEATURE
    assert [error.field for error in refused.errors] == ["POOL", "NOX", "RM", "TAX"]
    assert refusal(listing(row, "", source="a b")).reason == Reason.NOT_AN_EVENT


def test_the_errors_of_a_dead_letter_are_bounded() -> None:
    refused = refusal(listing(ROW | {f"{i}{'x' * 200}": 1 for i in range(100)}, "l-1"))
    assert len(refused.errors) == MAX_ERRORS
    assert max(len(error.field) for error in refused.errors) == MAX_NAME
    assert max(len(error.message) for error in refused.errors) <= MAX_MESSAGE


FOREIGN: dict[str, dict[bytes, bytes]] = {
    "no fields": {},
    "neither data nor __data__": {b"payload": b"{}"},
    "empty envelope": {b"__data__": b""},
    "envelope in another format": {b"__data__": b'{"id":"l-1"}'},
    "envelope cut off": {b"__data__": b"\x89BIN\x0d\x0a\x1a\x0a\x00\x01\x00\x00"},
}


@pytest.mark.parametrize("case", FOREIGN)
def test_an_entry_without_an_event_is_a_foreign_entry(case: str) -> None:
    with pytest.raises(RefusedListingError) as caught:
        payload_of(FOREIGN[case])
    assert caught.value.reason == Reason.FOREIGN_ENTRY
