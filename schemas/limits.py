"""What a payload may be before anybody parses it: its size, and how deep, how many and how long its parts are.

A parser does work in proportion to these, and so do the errors of one that refuses: a payload of 64 KiB can hold a
list of 20,000 lists, or a number of 60,000 digits.
"""

from __future__ import annotations

from schemas.errors import FieldError, RefusedListingError
from schemas.refusals import Reason
from schemas.sections import LimitSettings

FEWEST_BYTES_A_VALUE = 5
"""In an event that is accepted: two quotes, a colon, a digit and a comma or bracket, if a name had no letters."""

_OF_NUMBERS = bytes(byte in b"-+.eE0123456789" for byte in range(256))
_OF_STRINGS = bytes(byte != ord('"') for byte in range(256))
# whether they match is the parser's business
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[]{}")


def harmless_bytes(limits: LimitSettings) -> int:
    """The size up to which a payload that is an event breaks no limit, since it has not the room to."""
    return min(limits.max_payload_bytes, limits.max_number_chars, FEWEST_BYTES_A_VALUE * limits.max_values)


def check_limits(payload: bytes, limits: LimitSettings) -> None:
    """Refuse a payload that breaks a limit, unparsed. It need not be JSON.

    Raises:
        RefusedListingError: ("too_large") says which limit.
    """
    if len(payload) > limits.max_payload_bytes:
        raise _too_large(f"{len(payload)} bytes", limits.max_payload_bytes, "max_payload_bytes")
    if not _is_suspect(payload, limits):
        return
    # escapes keep their length; what then lies between two quotes is a string, or all of the rest if it never ends
    parts = payload.replace(rb"\\", b"__").replace(rb"\"", b"__").split(b'"')
    skeleton = b" ".join(parts[::2])
    if (values := _values(skeleton)) > limits.max_values:
        raise _too_large(f"{values} values", limits.max_values, "max_values")
    if _is_deeper(skeleton, limits.max_depth):
        raise _too_large("nested deeper", limits.max_depth, "max_depth")
    if _has_run(skeleton.translate(_OF_NUMBERS), limits.max_number_chars):
        raise _too_large("a longer number", limits.max_number_chars, "max_number_chars")
    if (longest := _longest_key(parts)) > limits.max_key_bytes:
        raise _too_large(f"a key of {longest} bytes", limits.max_key_bytes, "max_key_bytes")


def _is_suspect(payload: bytes, limits: LimitSettings) -> bool:
    """Whether a limit may be broken, going by bounds that cost next to nothing: they count what is in strings too."""
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
    """How many values a text holds, but for the outermost: each follows a comma or an opening bracket."""
    return text.count(b",") + text.count(b"{") + text.count(b"[")


def _is_deeper(skeleton: bytes, depth: int) -> bool:
    """Whether brackets are nested deeper than that, or opened more often and never closed."""
    brackets = skeleton.translate(_ONE_KIND, delete=_NO_BRACKETS)
    for _ in range(depth):
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"")
    return b"[]" in brackets or brackets.count(b"[") > depth


def _longest_key(parts: list[bytes]) -> int:
    """The longest string that a colon follows, in bytes; strings are every second part."""
    strings = zip(parts[1::2], parts[2::2], strict=False)
    return max((len(text) for text, after in strings if after.lstrip(b" \t\r\n")[:1] == b":"), default=0)


def _too_large(found: str, limit: int, name: str) -> RefusedListingError:
    return RefusedListingError(Reason.TOO_LARGE, (FieldError("", f"{found}, limits.{name} is {limit}"),))
