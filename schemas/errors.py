"""Every error the product raises on purpose.

::

    TasadorError
    ├── ConfigurationError       the start stops; the message names the key and where it stands
    │   ├── DomainError          a domain's declaration cannot be used
    │   └── ServerError          this Redis cannot keep the promises (too old, cluster without a hash tag)
    ├── UnavailableError         transient: what was in hand stays where it is and is tried again
    │   ├── RedisUnavailableError
    │   └── RegistryUnavailableError
    ├── RefusedListingError      permanent: the listing becomes a dead letter with this reason
    ├── ModelError               a model cannot be used; the one in use stays
    │   ├── ModelNotFoundError
    │   └── ModelRejectedError   found, but a check failed: digest, allow-list, signature, golden rows, cost
    ├── DataError                training data that cannot be used
    ├── DeadLetterError          a dead letter that does not exist, or cannot be replayed
    ├── BacklogFullError         the publisher was asked to raise at the high-water mark instead of waiting
    └── NotConfirmedError        somebody did not confirm in time; the message names them
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class TasadorError(Exception):
    """Base of all errors below; its message is one line for the person who reads it."""


class ConfigurationError(TasadorError):
    """Something a person wrote down is wrong; nothing was started."""


class DomainError(ConfigurationError):
    """A domain's declaration cannot be used."""


class ServerError(ConfigurationError):
    """The Redis server cannot keep the promises."""


class UnavailableError(TasadorError):
    """A service does not answer now; trying again later may help."""


class RedisUnavailableError(UnavailableError):
    """Redis does not answer, or answers that it cannot write now."""


class RegistryUnavailableError(UnavailableError):
    """MLflow does not answer."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing that is wrong with one field of a listing."""

    field: str
    message: str


class RefusedListingError(TasadorError):
    """A listing that no retry can mend.

    Attributes:
        reason: one of `schemas.refusals.Reason`.
        errors: what is wrong, field by field, in the order of the contract.
        listing_id: the listing's id where it could be read.
        listing_source: the listing's source where it could be read.
    """

    def __init__(
        self, reason: str, errors: tuple[FieldError, ...], listing_id: str | None = None, listing_source: str = ""
    ) -> None:
        super().__init__(f"{reason}: " + "; ".join(f"{e.field}: {e.message}" if e.field else e.message for e in errors))
        self.reason = reason
        self.errors = errors
        self.listing_id = listing_id
        self.listing_source = listing_source


class ModelError(TasadorError):
    """A model cannot be used."""


class ModelNotFoundError(ModelError):
    """There is no such model, version or alias."""


class ModelRejectedError(ModelError):
    """A model was found, but a check before use failed.

    Attributes:
        check: which one: digest, allow_list, signature, versions, golden_rows or cost.
    """

    def __init__(self, check: str, message: str) -> None:
        super().__init__(message)
        self.check = check


class DataError(TasadorError):
    """Training data cannot be used."""


class DeadLetterError(TasadorError):
    """A dead letter that does not exist, or cannot be replayed."""


class BacklogFullError(TasadorError):
    """The backlog stands at the high-water mark."""


class NotConfirmedError(TasadorError):
    """Not everyone confirmed in time."""
