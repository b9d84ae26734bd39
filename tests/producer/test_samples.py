"""Samples: built-in rows if the domain has any, else valid random rows; new identities each time."""

from __future__ import annotations

import json

import pytest

from producer.encoding import encode_listing
from producer.samples import SampleListings
from schemas.decoding import ListingDecoder
from schemas.domain import Domain, domain_of, load_domain
from schemas.sections import LimitSettings
from tests.listings import Row
from tests.schemas.awkward import OddlyNamedFlats


def test_housing_samples_are_the_real_rows_shuffled_and_then_repeated_with_new_ids(boston_rows: list[Row]) -> None:
    events = [json.loads(encode_listing(listing)) for listing in SampleListings(load_domain("housing"), 510)]
    rows = [event["data"] for event in events]
    assert rows[:506] != boston_rows
    assert sorted(rows[:506], key=str) == sorted(boston_rows, key=str)
    assert rows[506:] == rows[:4]
    assert len({event["id"] for event in events}) == 510


def test_each_iteration_has_the_same_rows_with_new_identities() -> None:
    samples = SampleListings(load_domain("housing"), 5)
    first = [json.loads(encode_listing(listing)) for listing in samples]
    second = [json.loads(encode_listing(listing)) for listing in samples]
    assert [event["data"] for event in first] == [event["data"] for event in second]
    assert not {event["id"] for event in first} & {event["id"] for event in second}
    assert samples.done == samples.total == 5


@pytest.mark.parametrize(
    "domain", [load_domain("housing"), load_domain("obesity"), domain_of(OddlyNamedFlats)], ids=lambda d: d.name
)
def test_every_sample_is_valid_in_its_domain(domain: Domain) -> None:
    decoder = ListingDecoder(domain, LimitSettings())
    ids = {decoder.decode(encode_listing(listing)).id for listing in SampleListings(domain, 300)}
    assert len(ids) == 300
