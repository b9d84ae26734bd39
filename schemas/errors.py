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
    │   └── ModelRejectedError   found, but a check failed: location, digest, allow-list, signature, golden rows, cost
    ├── DataError                a table or file that cannot be used: training data, or what is to be published
    ├── DeadLetterError          a dead letter that does not exist, or cannot be replayed
    ├── PublishError             Redis would not take listings; how far it came is with the error
    │   ├── BacklogFullError     the publisher was asked to raise at the high-water mark instead of waiting
    │   └── PublishInterruptedError  also a RedisUnavailableError: without a reply, some may have arrived
    ├── NothingReportedError     nobody has measured yet what a command was asked to show
    ├── NotConfirmedError        somebody did not confirm in time; the message names them
    └── BenchmarkError           a measurement that says nothing: somebody died, or did not answer every listing once
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
    """MLflow does not answer, or what it has cannot be kept or loaded on this machine now."""


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
        check: which one: location, digest, allow_list, signature, versions, golden_rows, cost or reference.
    """

    def __init__(self, check: str, message: str) -> None:
        super().__init__(message)
        self.check = check


class DataError(TasadorError):
    """A table or file cannot be used: training data, or what is to be published."""


class DeadLetterError(TasadorError):
    """A dead letter that does not exist, or cannot be replayed."""


class PublishError(TasadorError):
    """Publishing stopped before everything was confirmed.

    Attributes:
        entry_ids: of the listings that this call knows to be on the stream, in order. Where a publisher hands out ids
            chunk by chunk, those of earlier chunks have been handed out already and are not repeated here.
        unconfirmed: the events that were taken and not confirmed, encoded, in order. They can be published as they are.
    """

    def __init__(self, message: str, entry_ids: Sequence[str] = (), unconfirmed: Sequence[bytes] = ()) -> None:
        super().__init__(message)
        self.entry_ids = tuple(entry_ids)
        self.unconfirmed = tuple(unconfirmed)


class BacklogFullError(PublishError):
    """The backlog stands at the high-water mark; nothing of `unconfirmed` was sent."""


class PublishInterruptedError(PublishError, RedisUnavailableError):
    """Redis went away while listings were on their way: each of `unconfirmed` may or may not have arrived.

    XADD is not idempotent, so nothing was repeated. Publishing `unconfirmed` again is safe within `dedup_seconds`: a
    listing that did arrive has the same identity (source, id), and its repeat is counted and dropped.
    """


class NothingReportedError(TasadorError):
    """Nobody has measured yet what a command was asked to show."""


class NotConfirmedError(TasadorError):
    """Not everyone confirmed in time."""


class BenchmarkError(TasadorError):
    """A measurement went wrong, so there is no figure."""
