"""Decodes the fields of an entry into a valid listing, or raises the reason for refusing it.

The fast path is a msgspec decoder built from the domain's features. An event that it does not accept goes to the
pydantic contract, which alone decides and explains refusals; an event that the contract accepts is scored. Events with
attributes that CloudEvents does not name take this slow path too, at about ten times the cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from struct import error as struct_error
from struct import unpack_from
from typing import Annotated, Any, Literal, cast

import msgspec
import pydantic_core
from pydantic import ValidationError

from schemas.domain import Domain, domain_of
from schemas.errors import FieldError, RefusedListingError
from schemas.events import MAX_ID, SOURCE_PATTERN, TRACEPARENT_PATTERN, AwareTime, Listing
from schemas.features import Feature
from schemas.limits import EventBounds, check_limits, safe_bytes
from schemas.refusals import MAX_ERRORS, MAX_NAME, Reason, explain
from schemas.sections import LimitSettings
from schemas.streams import DATA_FIELD, FASTSTREAM_FIELD

_FASTSTREAM_MAGIC = b"\x89BIN\x0d\x0a\x1a\x0a\x00\x01"
_FASTSTREAM_DATA_START = 14


def _anchored(pattern: str) -> str:
    # in Python's `re` a final `$` also matches before a newline
    return pattern.removesuffix("$") + r"\Z"


_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]
_Source = Annotated[str, msgspec.Meta(max_length=MAX_ID, pattern=_anchored(SOURCE_PATTERN))]
_Traceparent = Annotated[str, msgspec.Meta(pattern=_anchored(TRACEPARENT_PATTERN))]


class DecodedListing(msgspec.Struct, gc=False, forbid_unknown_fields=True, kw_only=True):
    """A valid listing; `data` is a struct with a field for each feature, in the domain's order, None if missing."""

    id: _Text
    data: Any
    source: _Source | None = ""
    specversion: Literal["1.0"] | None = "1.0"
    type: _Text | None = "listing.submitted"
    time: AwareTime | None = None
    subject: _Text | None = None
    datacontenttype: _Text | None = None
    dataschema: _Text | None = None
    traceparent: _Traceparent | None = None
    replyto: str | None = None
    explain: bool | None = None


def _field_type(feature: Feature) -> Any:
    if feature.kind == "category":
        base: Any = Literal[feature.categories]
    else:
        whole = 1 if feature.kind == "integer" else None
        base = Annotated[float, msgspec.Meta(ge=feature.ge, le=feature.le, multiple_of=whole)]
    return base | None if feature.may_miss else base


def _row_struct(domain: Domain, absent: float | None) -> type[msgspec.Struct]:
    # column names need not be identifiers, so the struct's fields have their own names
    names = {f"f{i}": feature.column for i, feature in enumerate(domain.features)}
    fields = [(name, _field_type(feature)) for name, feature in zip(names, domain.features, strict=True)]
    with_defaults = [
        (*f, None if feature.categories else absent) if feature.may_miss else f
        for f, feature in zip(fields, domain.features, strict=True)
    ]
    return msgspec.defstruct("Row", with_defaults, rename=names, forbid_unknown_fields=True, gc=False, kw_only=True)


def _listing_struct(row: type[msgspec.Struct]) -> type[DecodedListing]:
    bases, fields = (DecodedListing,), [("data", row)]
    listing = msgspec.defstruct("Listing", fields, bases=bases, gc=False, forbid_unknown_fields=True, kw_only=True)
    return cast("type[DecodedListing]", listing)


class ListingDecoder:
    """Decodes and validates listings of one domain.

    Args:
        domain: whose contract a listing must satisfy.
        limits: of a payload, checked before it is parsed.
        may_lack: accept listings with a subject that lack required features, which stored features may fill. The caller
            checks what is still missing then (`refusal_of_missing`), and after `decode_all` for every listing.
        absent: what the data has for a number that is absent. NaN, not None, saves converting it for a matrix.
    """

    def __init__(
        self, domain: Domain, limits: LimitSettings, *, may_lack: bool = False, absent: float | None = None
    ) -> None:
        self._domain = domain
        self._limits = limits
        self._safe_bytes = safe_bytes(limits)
        self._bounds = EventBounds(limits, (*DecodedListing.__struct_fields__, *domain.columns))
        fillable = domain_of(domain.contract, domain.columns) if may_lack else domain
        self._row = _row_struct(fillable, absent)
        self._required = [f"f{i}" for i, f in enumerate(domain.features) if not f.may_miss] if may_lack else []
        self._listing = _listing_struct(self._row)
        self._fast = msgspec.json.Decoder(self._listing).decode
        self._contract: type[Listing[Any]] = Listing[domain.contract]  # type: ignore[name-defined]
        self._fillable: type[Listing[Any]] = Listing[fillable.contract]  # type: ignore[name-defined]
        self._attributes = {info.alias or name: name for name, info in domain.contract.model_fields.items()}

    def decode(self, payload: bytes) -> DecodedListing:
        """Decode one event.

        Raises:
            RefusedListingError: with the reason, the errors by field, and the identity if it could be read.
        """
        # the fast decoder takes milliseconds for thousands of repeated keys
        is_checked = self._is_beyond_bounds(payload)
        if is_checked:
            check_limits(payload, self._limits)
        try:
            listing = self._fast(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            if not is_checked:
                check_limits(payload, self._limits)
            return self.decode_by_contract(payload)
        if listing.subject is None and any(is_missing(getattr(listing.data, name)) for name in self._required):
            return self.decode_by_contract(payload)
        return listing

    def decode_all(self, payloads: Sequence[bytes]) -> list[DecodedListing] | None:
        """Decode a batch of valid events, as nearly all are; None if any event needs `decode`."""
        try:
            if max(map(len, payloads), default=0) > self._safe_bytes:
                for payload in filter(self._is_beyond_bounds, payloads):
                    check_limits(payload, self._limits)
            return [*map(self._fast, payloads)]
        except (msgspec.MsgspecError, ValueError, RecursionError, RefusedListingError):
            return None

    def _is_beyond_bounds(self, payload: bytes) -> bool:
        return len(payload) > self._safe_bytes and not self._bounds.hold(payload)

    def decode_by_contract(self, payload: bytes) -> DecodedListing:
        """Decode one event by the pydantic contract, the slow path.

        Raises:
            RefusedListingError: as `decode`.
        """
        # without a subject there are no stored features, and a refusal names everything that is missing
        contract = self._fillable if self._fillable is not self._contract and _has_subject(payload) else self._contract
        try:
            listing = contract.model_validate_json(payload)
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False)
            if errors[0]["type"] == "json_invalid":
                raise RefusedListingError(Reason.NOT_JSON, (FieldError("", errors[0]["msg"]),)) from error
            reason, problems = explain(errors)
            raise RefusedListingError(reason, problems, *_envelope_of(payload)) from error
        values = {f"f{i}": getattr(listing.data, self._attributes[c]) for i, c in enumerate(self._domain.columns)}
        envelope = {name: getattr(listing, name) for name in DecodedListing.__struct_fields__ if name != "data"}
        return self._listing(data=self._row(**values), **envelope)


def is_missing(value: Any) -> bool:
    """Whether a value of a decoded listing's data is missing."""
    return value is None or value != value  # noqa: PLR0124 - NaN


class _Subject(msgspec.Struct, gc=False):
    subject: Any = None


def _has_subject(payload: bytes) -> bool:
    try:
        return msgspec.json.decode(payload, type=_Subject).subject is not None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False


def refusal_of_missing(listing: DecodedListing, missing: Sequence[str]) -> RefusedListingError:
    """The refusal of a listing that lacks required features, which the store did not have either."""
    errors = tuple(FieldError(column[:MAX_NAME], "Field required") for column in missing[:MAX_ERRORS])
    envelope = listing.id, listing.source or "", listing.replyto or ""
    return RefusedListingError(Reason.MISSING_FEATURE, errors, *envelope)


def _envelope_of(payload: bytes) -> tuple[str | None, str, str]:
    """The id, the source and the reply name of a refused event, if they are strings within the length limit."""
    event = pydantic_core.from_json(payload)
    if not isinstance(event, dict):
        return None, "", ""
    listing_id, source, reply_to = event.get("id"), event.get("source"), event.get("replyto")
    return (
        listing_id if isinstance(listing_id, str) and 0 < len(listing_id) <= MAX_ID else None,
        source if isinstance(source, str) and len(source) <= MAX_ID else "",
        reply_to if isinstance(reply_to, str) else "",
    )


def payload_of(fields: Mapping[bytes, bytes]) -> bytes:
    """The event's JSON from an entry's fields: `data`, or FastStream's binary envelope in `__data__`.

    Raises:
        RefusedListingError: the entry has neither, or the envelope is broken.
    """
    if (payload := fields.get(DATA_FIELD)) is not None:
        return payload
    if (envelope := fields.get(FASTSTREAM_FIELD)) is None:
        raise RefusedListingError(Reason.FOREIGN_ENTRY, (FieldError("", "the entry has no field `data`"),))
    if not envelope.startswith(_FASTSTREAM_MAGIC):
        raise _foreign_entry("not FastStream's binary format")
    try:
        (start,) = unpack_from(">I", envelope, _FASTSTREAM_DATA_START)
    except struct_error as error:
        raise _foreign_entry(str(error)) from error
    return envelope[start:]


def _foreign_entry(message: str) -> RefusedListingError:
    return RefusedListingError(Reason.FOREIGN_ENTRY, (FieldError("__data__", message),))
