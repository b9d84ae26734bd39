"""A payload that exceeds a limit is refused before it is parsed; the contract checks all others."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.decoding import ListingDecoder
from schemas.domain import load_domain
from schemas.errors import RefusedListingError
from schemas.limits import check_limits, safe_bytes
from schemas.refusals import Reason
from schemas.sections import LimitSettings
from tests.consumer.harness import ROW
from tests.listings import listing

LIMITS = LimitSettings(max_payload_bytes=20_000, max_depth=5, max_values=60, max_key_bytes=40, max_number_chars=70)
DECODER = ListingDecoder(load_domain("housing"), LIMITS)


def deep(depth: int) -> bytes:
    """An event of that depth, which counts the event itself and contains nested lists."""
    return listing(ROW, "l-1", region="@").replace(b'"@"', b"[" * (depth - 1) + b"]" * (depth - 1))


def broad(values: int) -> bytes:
    """An event with that many values, including `id`, `data`, `region` and the features."""
    return listing(ROW, "l-1", region=[1] * (values - len(ROW) - 3))


def sized(size: int) -> bytes:
    """An event of that many bytes."""
    whole = listing(ROW, "l-1")
    return whole + b" " * (size - len(whole))


def keyed(length: int) -> bytes:
    """An event with an attribute whose name has that length."""
    return listing(ROW, "l-1", **{"x" * length: 1})


def numbered(length: int) -> bytes:
    """An event with a feature whose number has that many characters."""
    return listing(ROW | {"RM": "@"}, "l-1").replace(b'"@"', b"6." + b"5" * (length - 2))


CASES: dict[str, tuple[Callable[[int], bytes], int]] = {
    "max_payload_bytes": (sized, 20_000),
    "max_depth": (deep, 5),
    "max_values": (broad, 60),
    "max_key_bytes": (keyed, 40),
    "max_number_chars": (numbered, 70),
}


def refusal(payload: bytes, decoder: ListingDecoder = DECODER) -> RefusedListingError:
    with pytest.raises(RefusedListingError) as caught:
        decoder.decode(payload)
    return caught.value


@pytest.mark.parametrize("limit", CASES)
def test_an_event_at_the_limit_is_accepted_and_beyond_it_is_refused(limit: str) -> None:
    make, most = CASES[limit]
    assert DECODER.decode(make(most)).id == "l-1"
    refused = refusal(make(most + 1))
    assert refused.reason == Reason.TOO_LARGE
    assert f"limits.{limit} is {most}" in refused.errors[0].message


@pytest.mark.parametrize("limit", CASES)
def test_a_higher_limit_accepts_the_event(limit: str) -> None:
    make, most = CASES[limit]
    wider = LIMITS.model_copy(update={limit: most + 1})
    assert ListingDecoder(load_domain("housing"), wider).decode(make(most + 1)).id == "l-1"


STRINGS = {
    "brackets": "[{" * 100,
    "commas": "," * 200,
    "digits": "1" * 200,
    "quotes": '"' * 200,
    "a long text": "x" * 5000,
    "keys": '"x":' * 50,
    "backslashes": "\\" * 101,
}


@pytest.mark.parametrize("case", STRINGS)
def test_the_content_of_a_string_exceeds_only_the_size_limit(case: str) -> None:
    assert DECODER.decode(listing(ROW, "l-1", comment=STRINGS[case])).id == "l-1"


HOSTILE = {
    "nested lists": b"[" * 10_000 + b"]" * 10_000,
    "nested lists cut off": b"[" * 20_000,
    "nested objects": b'{"data":' * 2_000 + b"1" + b"}" * 2_000,
    "alternating lists and objects": b'[{"a":' * 3 + b"1" + b"}]" * 3,
    "an integer": listing(ROW | {"TAX": "@"}, "l-1").replace(b'"@"', b"1" * 5_000),
    "a repeated key": b'{"id":"l-1",' + b'"id":"l-1",' * 1_000 + b'"data":{}}',
    "unknown features": listing({f"f{i}": i for i in range(61)}, "l-1"),
    "a list of lists": b"[" + b"[]," * 1_000 + b"[]]",
    "a key full of escapes": listing({}, "l-1").replace(b"data", b"\\u0064" * 10),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_payload_that_is_expensive_to_parse_is_too_large(case: str) -> None:
    assert refusal(HOSTILE[case]).reason == Reason.TOO_LARGE


@pytest.mark.parametrize(
    "payload", [b"", b'"' * 3_000, b'\\"' * 3_000, b'"' + b"\\" * 2_001, b"]" * 3_000, b"\xff" * 9_000]
)
def test_a_payload_that_is_not_json_passes_to_the_parser(payload: bytes) -> None:
    check_limits(payload, LIMITS)
    assert refusal(payload).reason == Reason.NOT_JSON


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=30), inner, max_size=4),
    max_leaves=40,
)


@given(value=json_values, is_plain=st.booleans())
def test_the_limits_agree_with_a_parser(value: Any, is_plain: bool) -> None:
    payload = json.dumps(value, ensure_ascii=is_plain).encode()
    measured = {
        "max_depth": _depth(value),
        "max_values": _values(value),
        "max_key_bytes": _longest_key(value, is_plain),
    }
    for limit, most in measured.items():
        loose = LIMITS.model_copy(update={"max_depth": 99, "max_values": 999, "max_key_bytes": 999, limit: most})
        check_limits(payload, loose)
        if most > 1:
            with pytest.raises(RefusedListingError, match=limit):
                check_limits(payload, loose.model_copy(update={limit: most - 1}))


def _inner(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _depth(value: Any) -> int:
    return isinstance(value, (dict, list)) + max(map(_depth, _inner(value)), default=0)


def _values(value: Any) -> int:
    """The number of inner values; an empty list or object counts as if it held one value."""
    if not isinstance(value, (dict, list)):
        return 0
    return max(len(value), 1) + sum(map(_values, _inner(value)))


def _longest_key(value: Any, is_plain: bool) -> int:
    own = [len(json.dumps(key, ensure_ascii=is_plain).encode()) - 2 for key in value] if isinstance(value, dict) else []
    return max([*own, *(_longest_key(each, is_plain) for each in _inner(value))], default=0)


def test_an_event_of_safe_size_cannot_exceed_a_limit() -> None:
    """Such events are not checked, so even the smallest limits must not be exceeded."""
    smallest = LimitSettings(max_depth=2, max_values=4, max_number_chars=64)
    assert safe_bytes(smallest) == 20
    event = b'{"id":"","data":{}}'
    assert len(event) <= 20
    check_limits(event, smallest)
