"""The demo's listings: valid rows of the table and broken ones."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from schemas.decoding import ListingDecoder
from schemas.domain import load_domain
from schemas.errors import RefusedListingError
from schemas.refusals import Reason
from schemas.sections import LimitSettings
from schemas.settings import Settings
from tasador.demo.listings import GAPS_PER_FEATURE, DemoListing, broken_payloads, demo_listings
from training.data.sources import read_source

HOUSING = load_domain("housing")
DECODER = ListingDecoder(HOUSING, LimitSettings())


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return read_source(Settings()).frame


@pytest.fixture(scope="module")
def listings(table: pd.DataFrame) -> list[DemoListing]:
    return demo_listings(table, HOUSING, "first")


def test_every_row_is_a_valid_listing_with_its_price(listings: list[DemoListing], table: pd.DataFrame) -> None:
    rows = [listing for listing in listings if listing.row is not None]
    assert [listing.row for listing in rows] == list(range(506))
    assert [listing.price for listing in rows] == table["MEDV"].tolist()
    for listing in rows:
        DECODER.decode(listing.payload)


def test_cells_are_missing_as_in_the_widely_used_copy(listings: list[DemoListing]) -> None:
    rows = [json.loads(listing.payload)["data"] for listing in listings if listing.row is not None]
    gaps = {column: sum(row[column] is None for row in rows) for column in HOUSING.columns}
    blanked = {"CRIM", "ZN", "INDUS", "CHAS", "AGE", "LSTAT"}
    assert gaps == {column: GAPS_PER_FEATURE if column in blanked else 0 for column in HOUSING.columns}


def test_a_second_demo_publishes_the_same_rows_with_other_ids(listings: list[DemoListing], table: pd.DataFrame) -> None:
    again = demo_listings(table, HOUSING, "second")
    first, second = ([json.loads(one.payload) for one in each if one.row is not None] for each in (listings, again))
    assert [event["data"] for event in first] == [event["data"] for event in second]
    assert not {event["id"] for event in first} & {event["id"] for event in second}


def test_every_broken_listing_is_refused_and_the_last_has_several_errors() -> None:
    refusals = []
    for payload in broken_payloads("run"):
        with pytest.raises(RefusedListingError) as refused:
            DECODER.decode(payload)
        refusals.append((refused.value.reason, [error.field for error in refused.value.errors]))
    assert [reason for reason, _ in refusals] == [
        Reason.NOT_JSON,
        Reason.INVALID_ID,
        Reason.UNKNOWN_FEATURE,
        Reason.MISSING_FEATURE,
        Reason.INVALID_VALUE,
        Reason.OUT_OF_RANGE,
        Reason.MISSING_FEATURE,
    ]
    assert {"DIS", "RM", "CHAS", "TAX"} == set(refusals[-1][1])
