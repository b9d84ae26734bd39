"""The fast decoder and the pydantic contract accept the same events, with the same values."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from schemas.decoding import DecodedListing, ListingDecoder
from schemas.domain import Domain, domain_of, load_domain
from schemas.errors import RefusedListingError
from schemas.events import Listing
from schemas.refusals import Reason
from schemas.sections import LimitSettings
from tests.schemas.awkward import ATTRIBUTES, TOKENS, OddlyNamedFlats

DOMAINS = {
    "housing": load_domain("housing"),
    "housing with other gaps": load_domain("housing", may_miss=("CHAS", "NOX", "RAD")),
    "obesity": load_domain("obesity"),
    "obesity with gaps": load_domain("obesity", may_miss=("Gender", "Age", "MTRANS")),
    "flats": domain_of(OddlyNamedFlats),
}
DECODERS = {name: ListingDecoder(domain, LimitSettings()) for name, domain in DOMAINS.items()}
CONTRACTS: dict[str, Any] = {name: Listing[domain.contract] for name, domain in DOMAINS.items()}  # type: ignore[name-defined]
ENVELOPE = [name for name in DecodedListing.__struct_fields__ if name != "data"]

Pairs = list[tuple[bytes, bytes]]


def _values(domain: Domain, decoded: DecodedListing) -> dict[str, Any]:
    row = msgspec.structs.astuple(decoded.data)
    assert not any(isinstance(value, bool) for value in row)
    return dict(zip(domain.columns, row, strict=True)) | {name: getattr(decoded, name) for name in ENVELOPE}


def _expected(name: str, payload: bytes) -> dict[str, Any] | None:
    try:
        listing = CONTRACTS[name].model_validate_json(payload)
    except ValidationError:
        return None
    row: dict[str, Any] = listing.data.model_dump(by_alias=True)
    return row | {attribute: getattr(listing, attribute) for attribute in ENVELOPE}


def check(name: str, payload: bytes) -> None:
    """Compare the fast decoder alone, and the decoder as it is used, with the contract."""
    domain, decoder, expected = DOMAINS[name], DECODERS[name], _expected(name, payload)
    with contextlib.suppress(msgspec.MsgspecError, ValueError, RecursionError):
        assert _values(domain, decoder._fast(payload)) == expected
    reason, decoded = None, None
    try:
        decoded = decoder.decode(payload)
    except RefusedListingError as refused:
        reason = refused.reason
    if decoded:
        assert _values(domain, decoded) == expected
    else:
        assert expected is None or reason == Reason.TOO_LARGE


def _quoted(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()


def _object(pairs: Pairs) -> bytes:
    return b"{" + b",".join(key + b":" + value for key, value in pairs) + b"}"


def _valid_value(domain: Domain, column: str) -> Any:
    feature = domain.feature(column)
    return feature.categories[0] if feature.categories else feature.ge


def valid_pairs(domain: Domain) -> Pairs:
    """The features of a valid event."""
    return [(_quoted(c), json.dumps(_valid_value(domain, c)).encode()) for c in domain.columns]


@pytest.mark.parametrize("name", DOMAINS)
def test_both_accept_the_event_that_the_other_tests_change(name: str) -> None:
    payload = _object([(b'"id"', b'"l-1"'), (b'"data"', _object(valid_pairs(DOMAINS[name])))])
    assert _values(DOMAINS[name], DECODERS[name]._fast(payload)) == _expected(name, payload)


@pytest.mark.parametrize("name", DOMAINS)
def test_they_agree_on_every_awkward_value_of_every_feature(name: str) -> None:
    features = valid_pairs(DOMAINS[name])
    for position, (column, _) in enumerate(features):
        for token in TOKENS:
            changed = [*features[:position], (column, token), *features[position + 1 :]]
            check(name, _object([(b'"id"', b'"l-1"'), (b'"data"', _object(changed))]))


def test_they_agree_on_every_awkward_value_of_every_attribute() -> None:
    data = _object(valid_pairs(DOMAINS["housing"]))
    for attribute in ATTRIBUTES:
        for token in TOKENS:
            check("housing", _object([(b'"id"', b'"l-1"'), (b'"data"', data), (_quoted(attribute), token)]))
            check("housing", _object([(_quoted(attribute), token), (b'"id"', b'"l-1"'), (b'"data"', data)]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
).map(lambda value: json.dumps(value).encode())
values = st.sampled_from(TOKENS) | json_values | st.floats(-3, 3).map(lambda value: repr(value).encode())
spaces = (
    st.just(b"")
    | st.just(b" ")
    | st.sampled_from([b"", b" ", b"\t\r\n", b"\x0b", b"\xef\xbb\xbf", b"\x00", b"\xc2\xa0", b",", b"}", b"{}"])
)


def _changed(draw: st.DrawFn, pairs: Pairs, keys: st.SearchStrategy[bytes]) -> Pairs:
    """Some pairs replaced, duplicated, dropped, added or reordered."""
    for _ in range(draw(st.sampled_from([0, 0, 1, 1, 2, 3]))):
        position = draw(st.integers(0, len(pairs)))
        new = (draw(keys), draw(values))
        if position < len(pairs) and draw(st.booleans()):
            new = (pairs[position][0], new[1])
        pairs[position : position + draw(st.integers(0, 1))] = [new] if draw(st.integers(0, 3)) else []
    return draw(st.permutations(pairs)) if draw(st.booleans()) else pairs


@st.composite
def events(draw: st.DrawFn, name: str) -> bytes:
    """Bytes similar to a valid event of the domain."""
    domain = DOMAINS[name]
    columns = st.sampled_from([*map(_quoted, domain.columns), b'"XX"', b'"id"', b'"f0"', b'"area"', b'"\\u0052M"'])
    attributes = st.sampled_from([*map(_quoted, ATTRIBUTES), b'"\\u0069d"', b'"i\\ud800d"', b'"\xff"', b"id", b"1"])
    data = _object(_changed(draw, valid_pairs(domain), columns))
    envelope = [(b'"id"', b'"l-1"'), (b'"data"', data)]
    if draw(st.integers(0, 3)) == 0:
        envelope.append((b'"data"', _object(_changed(draw, valid_pairs(domain), columns))))
    payload = draw(spaces) + _object(_changed(draw, envelope, attributes)) + draw(spaces)
    if draw(st.integers(0, 4)) == 0:
        start = draw(st.integers(0, len(payload)))
        end = start + draw(st.integers(0, 3))
        payload = payload[:start] + draw(st.binary(max_size=3) | st.sampled_from(TOKENS)) + payload[end:]
    return payload


@pytest.mark.parametrize("name", DOMAINS)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_they_agree_on_payloads_similar_to_a_valid_event(name: str, data: st.DataObject) -> None:
    check(name, data.draw(events(name)))


@settings(max_examples=200, deadline=None)
@given(payload=st.binary(max_size=60) | json_values | values)
def test_they_agree_on_payloads_that_are_not_events(payload: bytes) -> None:
    check("housing", payload)
