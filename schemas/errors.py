"""The tree of errors that the product raises.

::

    TasadorError
    ├── ConfigurationError       stops the start; the message names the key and its source
    │   ├── DomainError          a domain's declaration is not valid
    │   └── ServerError          this Redis cannot provide the guarantees (too old, cluster without a hash tag)
    ├── UnavailableError         transient: entries stay pending, and the operation is retried
    │   ├── RedisUnavailableError
    │   ├── RegistryUnavailableError
    │   └── ArchiveUnavailableError   the object store of the audit log
    ├── PortInUseError           another program listens on the port; a supervisor may start the process again
    ├── RefusedListingError      permanent: the listing becomes a dead letter with this reason
    ├── ModelError               a model cannot be used; the current one stays
    │   ├── ModelNotFoundError
    │   └── ModelRejectedError   a check failed: location, digest, allow-list, signature, versions, golden rows, cost
    ├── DataError                a table or file cannot be used, for training or for publishing
    ├── DeadLetterError          a dead letter does not exist, or cannot be replayed
    ├── PublishError             Redis did not accept all listings; lists the confirmed and the unconfirmed
    │   ├── BacklogFullError     the backlog is at the high-water mark, and the publisher is set to raise
    │   └── PublishInterruptedError  also a RedisUnavailableError: unconfirmed listings may have arrived
    ├── ShardError               the number of shards cannot be changed now
    ├── KeyNameError             an API key's name is taken, not valid, or unknown
    ├── SupervisorError          no system runs in the home folder, or the running one cannot do what is asked
    ├── ExplanationError         a listing cannot be explained: it is unknown or trimmed, or no method fits its model
    ├── NothingReportedError     the report that a command shows does not exist yet
    ├── NotConfirmedError        a confirmation did not arrive in time; the message names what is missing
    │   └── NotAnsweredError     the answer to a listing did not arrive in time; its outcome will still come
    └── BenchmarkError           a measurement is not valid: a process died, or listings lack their one outcome
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class TasadorError(Exception):
    """Base of all errors below; its message is one line for operators."""


class ConfigurationError(TasadorError):
    """The configuration is wrong; nothing was started."""


class DomainError(ConfigurationError):
    """A domain's declaration is not valid."""


class ServerError(ConfigurationError):
    """The Redis server cannot provide the guarantees."""


class UnavailableError(TasadorError):
    """A service does not answer now; a later retry may succeed."""


class RedisUnavailableError(UnavailableError):
    """Redis does not answer, or cannot write now."""


class RegistryUnavailableError(UnavailableError):
    """MLflow does not answer, or a model cannot be stored or loaded on this machine now."""


class ArchiveUnavailableError(UnavailableError):
    """The object store of the audit log does not answer, or refuses."""


class PortInUseError(TasadorError):
    """Another program listens on the port of a process."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One error in one field of a listing."""

    field: str
    message: str


class RefusedListingError(TasadorError):
    """A listing is not valid; a retry cannot succeed.

    Attributes:
        reason: one of `schemas.refusals.Reason`.
        errors: by field, in the order of their reasons.
        listing_id: the listing's id if it could be read.
        listing_source: the listing's source if it could be read.
        reply_to: the reply name in its envelope if it could be read, else empty.
    """

    def __init__(
        self,
        reason: str,
        errors: tuple[FieldError, ...],
        listing_id: str | None = None,
        listing_source: str = "",
        reply_to: str = "",
    ) -> None:
        super().__init__(f"{reason}: " + "; ".join(f"{e.field}: {e.message}" if e.field else e.message for e in errors))
        self.reason = reason
        self.errors = errors
        self.listing_id = listing_id
        self.listing_source = listing_source
        self.reply_to = reply_to


class ModelError(TasadorError):
    """A model cannot be used."""


class ModelNotFoundError(ModelError):
    """There is no such model, version or alias."""


class ModelRejectedError(ModelError):
    """A model exists, but did not pass a check.

    Attributes:
        check: location, digest, allow_list, signature, versions, golden_rows, cost, reference, champion, background,
            alias or trial.
    """

    def __init__(self, check: str, message: str) -> None:
        super().__init__(message)
        self.check = check


class DataError(TasadorError):
    """A table or file cannot be used, for training or for publishing."""


class DeadLetterError(TasadorError):
    """A dead letter does not exist, or cannot be replayed."""


class PublishError(TasadorError):
    """Publishing stopped before all listings were confirmed.

    Attributes:
        entry_ids: of this call's confirmed listings, in order. `publish_chunks` has already yielded the ids of earlier
            chunks, so they are not repeated here.
        unconfirmed: the encoded events that were not confirmed, in order. They can be published as they are.
    """

    def __init__(self, message: str, entry_ids: Sequence[str] = (), unconfirmed: Sequence[bytes] = ()) -> None:
        super().__init__(message)
        self.entry_ids = tuple(entry_ids)
        self.unconfirmed = tuple(unconfirmed)


class BacklogFullError(PublishError):
    """The backlog is at the high-water mark; none of `unconfirmed` was sent."""


class PublishInterruptedError(PublishError, RedisUnavailableError):
    """The connection broke during publishing: each of `unconfirmed` may or may not have arrived.

    XADD is not idempotent, so nothing was retried. Publishing `unconfirmed` again is safe within `dedup_seconds`: if a
    listing did arrive, its repeat has the same identity (source, id), and is counted and dropped.
    """


class ShardError(TasadorError):
    """The number of shards cannot be changed now; it is as before."""


class KeyNameError(TasadorError):
    """The name of an API key is taken, not valid, or unknown."""


class SupervisorError(TasadorError):
    """No system runs in the home folder, another one does, or the running one cannot do what is asked."""


class ExplanationError(TasadorError):
    """A listing cannot be explained."""


class NothingReportedError(TasadorError):
    """The report that a command shows does not exist yet."""


class NotConfirmedError(TasadorError):
    """A confirmation did not arrive in time."""


class NotAnsweredError(NotConfirmedError):
    """The answer to a listing did not arrive in time. The listing is on the stream, and its outcome will still come.

    Attributes:
        entry_id: of the listing; its answer carries it as `id`.
    """

    def __init__(self, message: str, entry_id: str) -> None:
        super().__init__(message)
        self.entry_id = entry_id


class BenchmarkError(TasadorError):
    """A measurement is not valid, so there is no figure."""
