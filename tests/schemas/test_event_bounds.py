"""Wide events are checked against their limits by cheap bounds, which decide as the exact check does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.decoding import ListingDecoder
from schemas.domain import domain_of
from schemas.errors import RefusedListingError
from schemas.limits import EventBounds, check_limits
from schemas.refusals import Reason
from schemas.sections import LimitSettings
from tasador.bench.wide import contract_of

WIDE = domain_of(contract_of(40))
ROW: dict[str, Any] = dict.fromkeys(WIDE.columns, 1.5)
LIMITS = LimitSettings(max_payload_bytes=1500, max_depth=3, max_values=46, max_key_bytes=24, max_number_chars=64)
DECODER = ListingDecoder(WIDE, LIMITS)
NAMES = ("id", "data", *WIDE.columns)


def refused_by(check: Any, payload: bytes) -> str | None:
    """Why a payload is refused: the limit that it exceeds, or another reason; None if it is accepted."""
    try:
        check(payload)
    except RefusedListingError as refused:
        return refused.errors[0].message if refused.reason == Reason.TOO_LARGE else refused.reason
    return None


def number(length: int) -> str:
    """A number with that many characters."""
    return "0." + "1" * (length - 2)


# each lies around one of the limits, and several of them in one payload do so together
numbers = st.integers(60, 68).map(number) | st.sampled_from(["1.5", "-1e0", "null", '"1.5"', "[1]", "[[[1]]]", "{}"])
keys = st.sampled_from(["x003", r"\u0078003", r"\u0078\u0030\u0030\u0033", r"x\u0030\u0030\u00303"])
texts = st.text(st.sampled_from('1,{[]}:"\\é'), max_size=12) | st.integers(60, 68).map(lambda n: "7" * n)
attributes = st.lists(st.tuples(st.sampled_from(["subject", "source", "time", "x", "data"]), texts), max_size=4)
repeats = st.lists(st.tuples(keys, numbers), max_size=5)


@settings(deadline=None)
@given(attributes, repeats, st.sampled_from([0, 300, 1498, 1499, 1500, 1501]))
@example([], [("x003", number(64))], 0)
@example([], [("x003", number(65))], 0)
@example([], [(r"\u0078\u0030\u0030\u0033", "1.5")], 0)
@example([("subject", "7" * 65)], [], 0)
def test_a_wide_event_is_refused_exactly_where_the_exact_check_refuses_it(
    attributes: list[tuple[str, str]], repeats: list[tuple[str, str]], size: int
) -> None:
    row = json.dumps(ROW)[:-1] + "".join(f', "{key}": {value}' for key, value in repeats) + "}"
    head = '{"id": "l-1"' + "".join(f', "{name}": {json.dumps(text)}' for name, text in attributes)
    payload = f'{head}, "data": {row}}}'.encode()
    payload += b" " * (size - len(payload))
    expected = refused_by(lambda each: check_limits(each, LIMITS), payload)
    decided = refused_by(DECODER.decode, payload)
    if expected is None:
        assert decided is None or decided in set(Reason)
    else:
        assert decided == expected
    assert (DECODER.decode_all([payload]) is None) >= (expected is not None)


def bounds(**limits: int) -> EventBounds:
    """The bounds of wide events under these limits."""
    return EventBounds(LIMITS.model_copy(update=limits), NAMES)


@pytest.mark.parametrize("most", [64, 99, 100, 1000, 1999])
@pytest.mark.parametrize("shift", range(7))
def test_a_number_beyond_any_limit_is_seen_wherever_it_stands(most: int, shift: int) -> None:
    within, beyond = (b'{"id":"' + b"x" * shift + b'","data":{"x001":' + b"9" * n + b"}}" for n in (10, most + 1))
    checked = bounds(max_number_chars=most, max_payload_bytes=9999)
    assert checked.hold(within)
    assert not checked.hold(beyond)


def test_bounds_hold_for_wide_rows_of_ordinary_numbers() -> None:
    """Otherwise every wide event would take the exact check, at ten times the cost."""
    payload = json.dumps({"id": "l-1", "data": {name: -3.25 + n / 8 for n, name in enumerate(WIDE.columns)}}).encode()
    assert EventBounds(LimitSettings(), NAMES).hold(payload)


def test_a_limit_below_a_known_key_leaves_all_to_the_exact_check() -> None:
    assert not bounds(max_key_bytes=3).hold(b'{"id":"l","data":{}}')


def test_thousands_of_repeated_keys_are_refused_before_they_are_decoded() -> None:
    payload = b'{"id":"l-1",' + b'"id":"l-1",' * 5000 + b'"data":{}}'
    assert not EventBounds(LimitSettings(), NAMES).hold(payload)
