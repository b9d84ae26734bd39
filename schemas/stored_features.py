"""The contract of stored features: which subjects have a key, and what is in its hash besides the features.

The hash of a subject (`Streams.features`) has a field for each feature, with the text that JSON has for a number and
the bare text of a category, and the field `at`, the RFC 3339 time at which all of them were true. Other fields are
ignored.
"""

from __future__ import annotations

from schemas.domain import Domain
from schemas.events import MAX_ID

AT = "at"
"""The field of the time. A feature of this name cannot be stored."""


def is_storable_subject(subject: str) -> bool:
    """Whether a subject has a key: 1 to `MAX_ID` printable characters. Any other never becomes a key."""
    return 0 < len(subject) <= MAX_ID and subject.isprintable()


def storable_columns(domain: Domain) -> tuple[str, ...]:
    """The features that can be stored, in the domain's order."""
    return tuple(column for column in domain.columns if column != AT)
