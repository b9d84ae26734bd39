"""The reasons for refusing a listing, and the translation of validation errors into them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pydantic_core import ErrorDetails

from schemas.errors import FieldError

MAX_ERRORS = 20
MAX_NAME = 100
MAX_MESSAGE = 200


class Reason(StrEnum):
    """Reasons of a dead letter. If several apply, the first in this order is the dead letter's reason.

    `too_large` stands for every limit of `schemas.limits`; the dead letter's error names the limit.
    """

    PAYLOAD_GONE = "payload_gone"
    FOREIGN_ENTRY = "foreign_entry"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    NOT_AN_EVENT = "not_an_event"
    INVALID_ID = "invalid_id"
    UNKNOWN_FEATURE = "unknown_feature"
    MISSING_FEATURE = "missing_feature"
    INVALID_VALUE = "invalid_value"
    OUT_OF_RANGE = "out_of_range"
    POISON = "poison"
    RATE_LIMITED = "rate_limited"


_ORDER = {reason: position for position, reason in enumerate(Reason)}
_RANGE_ERRORS = frozenset({"greater_than_equal", "less_than_equal"})


def _reason_of(error: ErrorDetails) -> Reason:
    location, kind = error["loc"], error["type"]
    if not location or location[0] not in {"id", "data"}:
        return Reason.NOT_AN_EVENT
    if location[0] == "id":
        return Reason.INVALID_ID
    if len(location) == 1:
        return Reason.NOT_AN_EVENT
    if kind == "extra_forbidden":
        return Reason.UNKNOWN_FEATURE
    if kind == "missing" or error["input"] is None:
        return Reason.MISSING_FEATURE
    return Reason.OUT_OF_RANGE if kind in _RANGE_ERRORS else Reason.INVALID_VALUE


def explain(errors: Iterable[ErrorDetails]) -> tuple[Reason, tuple[FieldError, ...]]:
    """The reason of a dead letter and its errors by field, from pydantic's errors.

    Names and messages are cut at `MAX_NAME` and `MAX_MESSAGE` characters and their number at `MAX_ERRORS`, because they
    may contain text that a client sent.
    """
    reasons = [(_reason_of(e), e) for e in errors]
    first = min((reason for reason, _ in reasons), key=_ORDER.__getitem__)
    ordered = sorted(reasons, key=lambda pair: _ORDER[pair[0]])[:MAX_ERRORS]
    return first, tuple(FieldError(_name(e), e["msg"][:MAX_MESSAGE]) for _, e in ordered)


def _name(error: ErrorDetails) -> str:
    location = error["loc"][1:] if error["loc"][:1] == ("data",) and len(error["loc"]) > 1 else error["loc"]
    # pydantic appends the branch of a union or the validator to the field's name
    return str(location[0])[:MAX_NAME] if location else ""
