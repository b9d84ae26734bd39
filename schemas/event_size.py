"""The size of a domain's events, and whether the limits of a payload admit them."""

from __future__ import annotations

import math

import msgspec

from schemas.domain import Domain
from schemas.errors import ConfigurationError
from schemas.events import Listing
from schemas.features import Feature
from schemas.sections import LimitSettings

_SHOWN_CHARACTERS = 40


def check_limits_admit(domain: Domain, limits: LimitSettings) -> None:
    """Check that an event of the domain can pass the limits.

    Raises:
        ConfigurationError: it cannot; the message names the setting and the value to set.
    """
    values = len(domain.columns) + len(Listing.model_fields)
    if values > limits.max_values:
        raise _too_small("max_values", limits.max_values, f"an event of {domain.name} has {values}", values)
    longest = max(domain.columns, key=_key_bytes)
    if (size := _key_bytes(longest)) > limits.max_key_bytes:
        shown = longest if len(longest) <= _SHOWN_CHARACTERS else f"{longest[:_SHOWN_CHARACTERS]}…"
        what = f"the column {shown!r} of {domain.name} has {size} bytes"
        raise _too_small("max_key_bytes", limits.max_key_bytes, what, size)
    if (size := len(_smallest_event(domain))) > limits.max_payload_bytes:
        what = f"the smallest event of {domain.name} has {size} bytes"
        raise _too_small("max_payload_bytes", limits.max_payload_bytes, what, size)


def _too_small(name: str, limit: int, what: str, needed: int) -> ConfigurationError:
    return ConfigurationError(
        f"limits.{name} is {limit}; {what}: set limits.{name} to at least {needed} in params.yaml"
    )


def _key_bytes(column: str) -> int:
    """The length of a column's name as publishers write it, without its quotes."""
    return len(msgspec.json.encode(column)) - 2


def _smallest_event(domain: Domain) -> bytes:
    """An event with only an id and the required features, each with its shortest value."""
    row = {feature.column: _shortest_value(feature) for feature in domain.features if not feature.may_miss}
    return msgspec.json.encode({"id": "1", "data": row})


def _shortest_value(feature: Feature) -> str | float:
    if feature.categories:
        return min(feature.categories, key=lambda category: len(msgspec.json.encode(category)))
    low, high = feature.ge or 0.0, feature.le or 0.0
    nearest = min(max(low, 0.0), high)
    whole = math.ceil(nearest) if nearest > 0 else math.floor(nearest)
    return whole if low <= whole <= high else nearest
