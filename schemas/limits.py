"""Checks the limits of a payload before it is parsed: size, depth, number of values, length of keys and numbers.

The work of a parser, and the size of its errors, grow with these: a payload of 64 KiB can hold a list of 20,000 lists,
or a number of 60,000 digits.
"""

from __future__ import annotations

from collections.abc import Iterable

from schemas.errors import FieldError, RefusedListingError
from schemas.refusals import Reason
from schemas.sections import LimitSettings

MIN_BYTES_PER_VALUE = 5
"""In a valid event: two quotes, a colon, a digit, and a comma or bracket, for a name of no letters."""

_OF_NUMBERS = bytes(byte in b"-+.eE0123456789" for byte in range(256))
_OF_STRINGS = bytes(byte != ord('"') for byte in range(256))
_OBJECTS = 2
"""In an event: itself and its `data`."""
_SAMPLES = 20
"""About how many characters are looked at in a number of the largest length."""
# the parser checks whether the kinds match
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def safe_bytes(limits: LimitSettings) -> int:
    """The largest size of a valid event that is too small to exceed any limit."""
    return min(limits.max_payload_bytes, limits.max_number_chars, MIN_BYTES_PER_VALUE * limits.max_values)


class EventBounds:
    """Bounds within which an event exceeds no limit if it has only the given keys, and objects only as `data`.

    They take a tenth of the time of `check_limits`, which decides about the few events beyond them.

    Args:
        limits: of a payload.
        names: of all keys that an event may have.
    """

    def __init__(self, limits: LimitSettings, names: Iterable[str]) -> None:
        self._max_bytes = limits.max_payload_bytes
        self._max_values = limits.max_values
        self._stride = max(limits.max_number_chars // _SAMPLES, 1)
        # a number beyond the limit gives at least so many samples in a row
        self._samples_of_number = b"\1" * ((limits.max_number_chars + 1) // self._stride)
        self._are_keys_short = max(len(name.encode()) for name in names) <= limits.max_key_bytes

    def hold(self, payload: bytes) -> bool:
        """Whether the payload is within the bounds. An escape may make a key longer than its name."""
        data_at = payload.find(b"{", 1)
        return (
            self._are_keys_short
            and len(payload) <= self._max_bytes
            and payload.count(b",") + _OBJECTS <= self._max_values
            and payload.find(b"{", data_at + 1) < 0
            and b"\\" not in payload
            and self._samples_of_number not in payload[:: self._stride].translate(_OF_NUMBERS)
        )


def check_limits(payload: bytes, limits: LimitSettings) -> None:
    """Check the limits of a payload, which need not be JSON, without parsing it.

    Raises:
        RefusedListingError: ("too_large") the payload exceeds a limit, which the error names.
    """
    if len(payload) > limits.max_payload_bytes:
        raise _too_large(f"{len(payload)} bytes", limits.max_payload_bytes, "max_payload_bytes")
    if not _may_exceed(payload, limits):
        return
    # the replacements keep the length of escapes; the text between two quotes is a string, unless the last never ends
    parts = payload.replace(rb"\\", b"__").replace(rb"\"", b"__").split(b'"')
    skeleton = b" ".join(parts[::2])
    if (values := _values(skeleton)) > limits.max_values:
        raise _too_large(f"{values} values", limits.max_values, "max_values")
    if _is_deeper(skeleton, limits.max_depth):
        raise _too_large("nested too deeply", limits.max_depth, "max_depth")
    if _has_run(skeleton.translate(_OF_NUMBERS), limits.max_number_chars):
        raise _too_large("a number is too long", limits.max_number_chars, "max_number_chars")
    if (longest := _longest_key(parts)) > limits.max_key_bytes:
        raise _too_large(f"a key of {longest} bytes", limits.max_key_bytes, "max_key_bytes")


def _may_exceed(payload: bytes, limits: LimitSettings) -> bool:
    """Whether the payload may exceed a limit, by cheap upper bounds that also count the content of strings."""
    return (
        payload.count(b"{") + payload.count(b"[") > limits.max_depth
        or _values(payload) > limits.max_values
        or _has_run(payload.translate(_OF_NUMBERS), limits.max_number_chars)
        or rb"\"" in payload
        or _has_run(payload.translate(_OF_STRINGS), limits.max_key_bytes)
    )


def _has_run(marked: bytes, length: int) -> bool:
    return len(marked) > length and b"\1" * (length + 1) in marked


def _values(text: bytes) -> int:
    """The number of values in a text, without the outermost: each follows a comma or an opening bracket."""
    return text.count(b",") + text.count(b"{") + text.count(b"[")


def _is_deeper(skeleton: bytes, depth: int) -> bool:
    """Whether brackets are nested deeper than `depth`, or more than `depth` are never closed."""
    brackets = skeleton.translate(_ONE_KIND, delete=_NO_BRACKETS)
    for _ in range(depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return b"[]" in brackets or brackets.count(b"[") > depth


def _longest_key(parts: list[bytes]) -> int:
    """The length in bytes of the longest string before a colon; strings are every second part."""
    strings = zip(parts[1::2], parts[2::2], strict=False)
    return max((len(text) for text, after in strings if after.lstrip(b" \t\r\n")[:1] == b":"), default=0)


def _too_large(excess: str, limit: int, name: str) -> RefusedListingError:
    return RefusedListingError(Reason.TOO_LARGE, (FieldError("", f"{excess}; limits.{name} is {limit}"),))
