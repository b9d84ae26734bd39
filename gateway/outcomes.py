"""Publishes the outcomes that clients report, as events of their stream."""

from __future__ import annotations

import math
import uuid
from collections.abc import Sequence

from gateway.documents import OutcomeRequest, OutcomesDocument
from gateway.problems import FieldProblemAnswer, HttpProblemError, ProblemAnswer, problem
from gateway.served_domain import ServedDomain
from operations.keys import ApiKey
from schemas.events import Outcome, OutcomeData
from schemas.streams import DATA_FIELD
from service.trace_context import trace_attributes


async def publish_outcomes(
    served: ServedDomain, outcomes: Sequence[OutcomeRequest], caller: ApiKey
) -> OutcomesDocument:
    """Publish outcomes of one domain, all or none.

    Raises:
        HttpProblemError: (403) a client named another source, (422) a value is no outcome of the domain.
        redis.exceptions.RedisError: as the server answered; some may be published.
    """
    own = f"gateway/{caller.name}"
    events = [_event_of(served, outcome, own, caller) for outcome in outcomes]
    pipeline = served.client.pipeline(transaction=False)
    for event in events:
        pipeline.xadd(served.streams.outcomes, {DATA_FIELD: event.model_dump_json(exclude_none=True)})
    entries = [entry.decode() for entry in await pipeline.execute()]
    return OutcomesDocument(accepted=len(entries), entries=entries)


def _event_of(served: ServedDomain, outcome: OutcomeRequest, own: str, caller: ApiKey) -> Outcome:
    source = own if outcome.listing_source is None else outcome.listing_source
    if source != own and caller.role != "operator":
        raise problem(403, "not_operator", f"only an operator reports outcomes of listings from {source!r}")
    data = OutcomeData(listing_id=outcome.listing_id, listing_source=source, outcome=_value(served, outcome.outcome))
    times = {"time": outcome.time} if outcome.time else {}
    return Outcome(id=outcome.id or str(uuid.uuid4()), data=data, **times, **trace_attributes())


def _value(served: ServedDomain, value: float | str) -> float | str:
    target = served.domain.target
    if target.classes:
        if value in target.classes:
            return value
        message = f"must be one of {', '.join(target.classes)}"
    elif isinstance(value, str) or not math.isfinite(value):
        message = "must be a finite number"
    else:
        return float(value)
    error = FieldProblemAnswer("outcome", message, value if isinstance(value, str) else str(value))
    raise HttpProblemError(ProblemAnswer(f"outcome: {message}", "invalid_value", 422, [error]))
