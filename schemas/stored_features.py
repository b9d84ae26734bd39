"""The contract of stored features: which subjects have a key, and what its hash holds.

The hash of a subject (`Streams.features`) has a field for each feature, with the text that JSON has for a number and
the bare text of a category, and the field `at`, the RFC 3339 time at which all of them were true. Other fields are
ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from schemas.domain import Domain, domain_of
from schemas.errors import DataError
from schemas.events import MAX_ID
from schemas.refusals import explain

AT = "at"
"""The field of the time. A feature of this name cannot be stored."""


@dataclass(frozen=True, slots=True)
class StoredFeatures:
    """What is known of one subject.

    Attributes:
        subject: of listings.
        features: values by feature, as in an event.
        at: when all of them were true; None if the store does not say so, and then they are not used.
    """

    subject: str
    features: Mapping[str, Any]
    at: datetime | None

    def is_fresh(self, max_age_s: float, now: datetime) -> bool:
        """Whether consumers use them at a time."""
        return self.at is not None and (now - self.at).total_seconds() <= max_age_s


def is_storable_subject(subject: str) -> bool:
    """Whether a subject has a key: 1 to `MAX_ID` printable characters. Any other never becomes a key."""
    return 0 < len(subject) <= MAX_ID and subject.isprintable()


def storable_columns(domain: Domain) -> tuple[str, ...]:
    """The features that can be stored, in the domain's order."""
    return tuple(column for column in domain.columns if column != AT)


class StoredFeatureFields:
    """Converts stored features of one domain to the fields of their hash, and back."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._columns = storable_columns(domain)
        self._contract = domain_of(domain.contract, domain.columns).contract

    def encode(self, stored: StoredFeatures) -> dict[str, str]:
        """The fields of the hash; features without a value have none.

        Raises:
            DataError: the subject has no key, a value is not valid, or there is none; the message names it.
        """
        if not is_storable_subject(stored.subject):
            raise DataError(f"subject {stored.subject!r}: must have 1 to {MAX_ID} printable characters")
        try:
            self._contract.model_validate(stored.features)
        except ValidationError as error:
            first = explain(error.errors(include_url=False, include_context=False))[1][0]
            raise DataError(f"subject {stored.subject!r}: {first.field}: {first.message}") from error
        known = {name: stored.features[name] for name in self._columns if stored.features.get(name) is not None}
        if not known:
            raise DataError(f"subject {stored.subject!r}: no feature has a value")
        fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in known.items()}
        at = stored.at or datetime.now(UTC)
        return {**fields, AT: at.astimezone(UTC).isoformat().replace("+00:00", "Z")}

    def decode(self, subject: str, fields: Mapping[bytes, bytes]) -> StoredFeatures:
        """The features in the fields of a hash, those that are not valid left out."""
        features: dict[str, Any] = {}
        for name in self._columns:
            text = fields.get(name.encode(), b"").decode(errors="replace")
            try:
                value = text if self._domain.feature(name).categories else json.loads(text)
                self._contract.model_validate({name: value})
            except ValueError:
                continue  # pydantic's errors are ValueErrors too
            if value is not None:
                features[name] = value
        return StoredFeatures(subject, features, _time_of(fields.get(AT.encode(), b"")))


def _time_of(text: bytes) -> datetime | None:
    try:
        at = datetime.fromisoformat(text.decode())
    except ValueError:
        return None
    return at if at.tzinfo else None
