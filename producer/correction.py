"""Corrects a refused listing before it is published again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from schemas.decoding import ListingDecoder
from schemas.domain import Domain
from schemas.errors import ConfigurationError, DataError
from schemas.settings import Settings
from tables.values import feature_reader

ENVELOPE = ("id", "source", "subject", "time")
"""The attributes of an event that can be corrected; a feature of the same name has precedence."""


class Correction:
    """Values that replace those of a listing.

    Args:
        settings: with the domain of the listings and the limits; values are parsed as in a file of listings.
        assignments: texts of the form ``FIELD=VALUE``; NA or an empty value stands for a missing value.

    Attributes:
        fields: names of the replaced fields.

    Raises:
        ConfigurationError: an assignment has another form, an unknown field, or an invalid value.
    """

    def __init__(self, settings: Settings, assignments: Sequence[str]) -> None:
        domain = settings.load_domain()
        self._decoder = ListingDecoder(domain, settings.limits, may_lack=settings.features.is_on)
        self._row: dict[str, Any] = {}
        self._envelope: dict[str, str] = {}
        for text in assignments:
            name, equals, value = text.partition("=")
            if not equals:
                raise ConfigurationError(f"--set {text}: write FIELD=VALUE")
            if name in domain.columns:
                self._row[name] = _value(domain, name, value)
            elif name in ENVELOPE:
                self._envelope[name] = value
            else:
                known = ", ".join((*domain.columns, *ENVELOPE))
                raise ConfigurationError(f"--set {text}: unknown field {name!r}; known fields are {known}")
        self.fields = (*self._row, *self._envelope)

    def apply(self, payload: bytes) -> bytes:
        """The corrected event.

        Raises:
            DataError: the payload is not an event.
            RefusedListingError: the corrected event is still not valid.
        """
        try:
            event = json.loads(payload)
        except (ValueError, RecursionError) as error:
            raise DataError(f"its payload is not JSON, so --set cannot change it: {error}") from error
        if not isinstance(event, dict) or not isinstance(event.setdefault("data", {}), dict):
            raise DataError("its payload is not an event, so --set cannot change it")
        corrected = event | self._envelope | {"data": event["data"] | self._row}
        encoded = json.dumps(corrected, ensure_ascii=False).encode()
        self._decoder.decode(encoded)
        return encoded


def _value(domain: Domain, name: str, text: str) -> float | int | str | None:
    feature = domain.feature(name)
    value: float | int | str | None = feature_reader(feature, ".")(text)
    if feature.categories:
        if value is not None and value not in feature.categories:
            raise ConfigurationError(f"--set {name}={text}: must be one of {', '.join(feature.categories)}")
    elif isinstance(value, str):
        raise ConfigurationError(f"--set {name}={text}: must be a number")
    if value is None and not feature.may_miss:
        raise ConfigurationError(f"--set {name}={text}: must not be missing")
    return value
