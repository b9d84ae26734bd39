"""Encodes a listing as the JSON that goes on the stream."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec
from pydantic import BaseModel

from schemas.errors import FieldError, RefusedListingError
from schemas.events import Listing
from schemas.refusals import Reason

Publishable: TypeAlias = Listing[Any] | Mapping[str, Any] | bytes
"""What publishers accept: a Listing, a mapping with a whole event, or an event's JSON."""

NO_ATTRIBUTES: Mapping[str, str] = MappingProxyType({})


def _plain(value: object) -> object:
    # numpy registers its scalars as these types, so numpy need not be imported
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, BaseModel):
        return value.model_dump(by_alias=True)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a {type(value).__qualname__} cannot be encoded as JSON")


_encode = msgspec.json.Encoder(enc_hook=_plain, decimal_format="number").encode


def encode_listing(listing: Publishable, attributes: Mapping[str, str] = NO_ATTRIBUTES) -> bytes:
    """Encode one event.

    Bytes are returned unchanged. The JSON of a Listing omits attributes that are None.

    Args:
        listing: the event.
        attributes: that the event gets unless it has them.

    Raises:
        RefusedListingError: a number is not finite, which JSON cannot express; null would mean a missing value.
        TypeError: it is not a listing, or holds a value that cannot be encoded as JSON.
    """
    if isinstance(listing, bytes):
        return listing
    if isinstance(listing, Listing):
        event = {name: value for name, value in listing if value is not None}
    elif isinstance(listing, Mapping):
        event = dict(listing)
    else:
        raise TypeError(f"publish a Listing, a mapping or bytes, not a {type(listing).__qualname__}")
    payload = _encode({**attributes, **event} if attributes else event)
    # the encoder writes NaN and infinity as null
    if b"null" in payload:
        _refuse_non_finite(event)
    return payload


def _refuse_non_finite(event: Mapping[str, Any]) -> None:
    data = event.get("data")
    row = data.model_dump(by_alias=True) if isinstance(data, BaseModel) else data
    errors = [
        FieldError(str(name), f"must be a finite number, not {value}; use None for a missing value")
        for name, value in (row.items() if isinstance(row, Mapping) else ())
        if isinstance(value, Real) and not math.isfinite(value)
    ]
    if errors:
        raise RefusedListingError(Reason.INVALID_VALUE, tuple(errors), event.get("id"), event.get("source") or "")
