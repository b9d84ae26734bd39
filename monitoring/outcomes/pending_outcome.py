"""An outcome as it came, or as it waits for its prediction."""

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


@dataclass(frozen=True, slots=True)
class PendingOutcome:
    """One outcome as it came.

    Attributes:
        entry: of the outcome.
        identity: of the listing it is about.
        outcome: in the target's unit, or a class name.
    """

    entry: str
    identity: str
    outcome: float | str

    def as_waiting(self) -> str:
        """How it is kept until its prediction is found."""
        return json.dumps([self.entry, self.outcome])


def read_outcome(domain: Domain, entry_id: bytes, fields: Mapping[bytes, bytes] | None) -> PendingOutcome | None:
    """An outcome from its entry; None where it is none of this domain."""
    try:
        data = Outcome.model_validate_json((fields or {})[DATA_FIELD]).data
    except (KeyError, ValidationError):
        return None
    if domain.target.classes:
        is_valid = data.outcome in domain.target.classes
    else:
        is_valid = isinstance(data.outcome, float) and math.isfinite(data.outcome)
    identity = identity_of(data.listing_source, data.listing_id)
    return PendingOutcome(entry_id.decode(), identity, data.outcome) if is_valid else None
