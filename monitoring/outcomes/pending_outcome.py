"""An outcome that is not joined with its prediction yet, and how it is read from the stream."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from monitoring.outcomes.prediction_index import identity_of
from schemas.domain import Domain
from schemas.events import Outcome
from schemas.streams import DATA_FIELD
from service.trace_context import read_traced_event


@dataclass(frozen=True, slots=True)
class PendingOutcome:
    """An outcome that is not joined yet.

    Attributes:
        entry_id: entry id of the outcome.
        identity: identity of its listing.
        value: in the target's unit, or a class name.
        traceparent: of its event; not kept while it waits for its prediction.
    """

    entry_id: str
    identity: str
    value: float | str
    traceparent: str | None = None

    @classmethod
    def parse(cls, identity: str, stored: bytes | str) -> PendingOutcome:
        """The outcome that waits for its prediction, from its JSON."""
        entry_id, value = json.loads(stored)
        return cls(entry_id, identity, value)

    def to_json(self) -> str:
        """The JSON that is kept while it waits for its prediction."""
        return json.dumps([self.entry_id, self.value])


def read_outcome(domain: Domain, entry_id: bytes, fields: Mapping[bytes, bytes] | None) -> PendingOutcome | None:
    """Read an outcome from its entry; None where it is not an outcome of this domain."""
    try:
        payload = (fields or {})[DATA_FIELD]
        data = Outcome.model_validate_json(payload).data
    except (KeyError, ValidationError):
        return None
    if domain.target.classes:
        is_valid = data.outcome in domain.target.classes
    else:
        is_valid = isinstance(data.outcome, float) and math.isfinite(data.outcome)
    identity = identity_of(data.listing_source, data.listing_id)
    if not is_valid:
        return None
    return PendingOutcome(entry_id.decode(), identity, data.outcome, read_traced_event(payload).traceparent)
