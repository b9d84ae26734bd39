"""Correcting a refused listing before it is published again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from producer.cells import cell_reader
from schemas.decoding import ListingDecoder
from schemas.domain import Domain
from schemas.errors import ConfigurationError, DataError
from schemas.sections import LimitSettings

ENVELOPE = ("id", "source", "subject", "time")
"""What of an event's envelope can be corrected; a feature of the same name comes first."""


class Correction:
    """Values that take the place of those in a listing.

    Args:
        domain: whose listings; a feature's value is read as in a file of listings.
        limits: as for the consumer.
        given: texts of the form ``FIELD=VALUE``; NA or nothing stands for a missing value.

    Attributes:
        fields: names of the fields that are set.

    Raises:
        ConfigurationError: a text has another form, or names no field, or its value cannot be one of the field's.
    """

    def __init__(self, domain: Domain, limits: LimitSettings, given: Sequence[str]) -> None:
        self._decoder = ListingDecoder(domain, limits)
        self._row: dict[str, Any] = {}
        self._envelope: dict[str, str] = {}
        for text in given:
            name, equals, value = text.partition("=")
            if not equals:
                raise ConfigurationError(f"--set {text}: write FIELD=VALUE")
            if name in domain.columns:
                self._row[name] = _value(domain, name, value)
            elif name in ENVELOPE:
                self._envelope[name] = value
            else:
                known = ", ".join((*domain.columns, *ENVELOPE))
                raise ConfigurationError(f"--set {text}: no field {name!r}; known are {known}")
        self.fields = (*self._row, *self._envelope)

    def apply(self, payload: bytes) -> bytes:
        """The corrected event.

        Raises:
            DataError: the payload is no event that could be corrected.
            RefusedListingError: it would be refused again.
        """
        try:
            event = json.loads(payload)
        except (ValueError, RecursionError) as error:
            raise DataError(f"its payload is no JSON, so nothing can be set in it: {error}") from error
        if not isinstance(event, dict) or not isinstance(event.setdefault("data", {}), dict):
            raise DataError("its payload is no event, so nothing can be set in it")
        corrected = event | self._envelope | {"data": event["data"] | self._row}
        encoded = json.dumps(corrected, ensure_ascii=False).encode()
        self._decoder.decode(encoded)
        return encoded


def _value(domain: Domain, name: str, text: str) -> float | int | str | None:
    feature = domain.feature(name)
    value = cell_reader(feature)(text)
    if feature.categories:
        if value is not None and value not in feature.categories:
            raise ConfigurationError(f"--set {name}={text}: known are {', '.join(feature.categories)}")
    elif isinstance(value, str):
        raise ConfigurationError(f"--set {name}={text}: {name} is a number")
    if value is None and not feature.may_miss:
        raise ConfigurationError(f"--set {name}={text}: {name} may not be missing")
    return value
