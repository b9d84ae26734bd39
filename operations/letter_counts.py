"""How many dead letters there are of each reason, with the newest of each as an example."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from operations.dead_letters import KeptLetter
from schemas.frozen_model import FrozenModel
from schemas.refusals import Reason


class ReasonCount(FrozenModel):
    """The dead letters of one reason.

    Attributes:
        reason: why their listings were refused.
        count: how many there are.
        newest: entry id of the newest one.
        listing_id: of its listing.
        error: its first error, as `field: message`.
    """

    reason: Reason
    count: int = Field(ge=1)
    newest: str
    listing_id: str | None
    error: str


def count_by_reason(newest_first: Iterable[KeptLetter]) -> list[ReasonCount]:
    """Count dead letters, most frequent reason first; letters must come newest first."""
    counts: dict[Reason, int] = {}
    examples: dict[Reason, KeptLetter] = {}
    for letter in newest_first:
        reason = letter.event.data.reason
        counts[reason] = counts.get(reason, 0) + 1
        examples.setdefault(reason, letter)
    ordered = sorted(counts, key=counts.__getitem__, reverse=True)
    return [_counted(reason, counts[reason], examples[reason]) for reason in ordered]


def _counted(reason: Reason, count: int, example: KeptLetter) -> ReasonCount:
    data = example.event.data
    error = next((f"{each.field}: {each.message}" if each.field else each.message for each in data.errors), "")
    return ReasonCount(reason=reason, count=count, newest=example.entry_id, listing_id=data.listing_id, error=error)
