"""Encoding, chunks, packing and backpressure, without Redis."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from producer.backpressure import CHECK_INTERVAL_S, Backpressure
from producer.chunks import CHUNK_BYTES, CHUNK_LISTINGS, Chunker
from producer.encoding import encode_listing
from producer.wire import PIECE_LISTINGS, pack
from schemas.domains.housing import Housing
from schemas.errors import RefusedListingError
from schemas.events import Listing
from tests.listings import Row


def test_the_json_of_a_listing_omits_missing_attributes() -> None:
    event = json.loads(encode_listing(Listing(id="l-1", data={"RM": 6.5}, tenant="a")))
    defaults = {"specversion": "1.0", "source": "", "type": "listing.submitted"}
    assert event == {"id": "l-1", "data": {"RM": 6.5}, "tenant": "a", **defaults}


def test_a_listing_with_a_time_and_a_typed_row_is_encoded(boston_rows: list[Row]) -> None:
    moment = datetime(2026, 11, 20, 12, tzinfo=UTC)
    typed = Listing[Housing](id="l-1", time=moment, data=Housing(**boston_rows[0]))
    event = json.loads(encode_listing(typed))
    assert event["data"] == boston_rows[0]
    assert event["time"] == "2026-11-20T12:00:00Z"


def test_numbers_of_numpy_and_decimal_are_encoded_as_numbers() -> None:
    row = MappingProxyType({"RM": np.float64(6.5), "RAD": np.int64(1), "TAX": np.float32(296), "B": Decimal("396.9")})
    data = json.loads(encode_listing({"id": "l-1", "data": row}))["data"]
    assert data == {"RM": 6.5, "RAD": 1, "TAX": 296.0, "B": 396.9}


@pytest.mark.parametrize("value", [math.nan, math.inf, np.float64("nan"), np.float32("inf")])
def test_a_number_that_is_not_finite_never_becomes_null(value: float) -> None:
    with pytest.raises(RefusedListingError, match="invalid_value: LSTAT: must be a finite number") as refused:
        encode_listing({"id": "l-1", "data": {"LSTAT": value, "AGE": None}})
    assert refused.value.listing_id == "l-1"


@pytest.mark.parametrize("listing", ["text", 1, None, ["l-1"], {"id": "l-1", "data": {"RM": object()}}])
def test_a_value_that_is_not_a_listing_is_a_type_error(listing: Any) -> None:
    with pytest.raises(TypeError, match=r"publish a Listing, a mapping or bytes|cannot be encoded as JSON"):
        encode_listing(listing)


def test_a_chunk_is_limited_in_listings_and_in_bytes() -> None:
    chunker = Chunker()
    assert not any(chunker.add(b"x") for _ in range(CHUNK_LISTINGS - 1))
    assert len(chunker.add(b"x")) == CHUNK_LISTINGS
    half = b"x" * (CHUNK_BYTES // 2)
    assert not chunker.add(half)
    assert chunker.add(half) == [half, half]
    assert chunker.rest() == []


def test_commands_are_packed_in_pieces() -> None:
    chunk = [b"a" * n for n in range(PIECE_LISTINGS + 1)]
    pieces = list(pack("é:listings", chunk))
    assert len(pieces) == 2
    key = "é:listings".encode()
    last = b"*5\r\n$4\r\nXADD\r\n$11\r\n%b\r\n$1\r\n*\r\n$4\r\ndata\r\n$200\r\n%b\r\n" % (key, chunk[-1])
    assert pieces[1] == last


def test_the_backlog_is_checked_after_a_hundredth_of_the_mark_or_a_tenth_of_a_second() -> None:
    backpressure = Backpressure(10_000, "wait", None)
    assert backpressure.is_check_due(now_s=50)
    assert backpressure.admits([b""], backlog=0, now_s=50)
    backpressure.record_sent(99)
    assert not backpressure.is_check_due(now_s=50)
    backpressure.record_sent(1)
    assert backpressure.is_check_due(now_s=50)
    assert backpressure.admits([b""], backlog=9_999, now_s=51)
    assert not backpressure.is_check_due(now_s=51)
    assert backpressure.is_check_due(now_s=51 + CHECK_INTERVAL_S)
    assert not backpressure.admits([b""], backlog=10_000, now_s=52)
    assert backpressure.is_check_due(now_s=52)
