"""Runs hostile entries through the decoder alone: each is accepted or refused, fast and with a bounded message."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from schemas.decoding import ListingDecoder, payload_of
from schemas.domain import load_domain
from schemas.errors import RefusedListingError
from schemas.refusals import MAX_ERRORS, MAX_MESSAGE, MAX_NAME, Reason
from schemas.sections import LimitSettings
from tests.hostile.mutations import Fields

ACCEPTED = "accepted"
_SLOWEST = 5


@dataclass
class DecoderFigures:
    """What the decoder did with hostile entries.

    Attributes:
        outcomes: how many were accepted, and how many refused by reason.
        cpu_s: processor time of all decoding.
        slowest: processor seconds, outcome and size in bytes of the slowest entries.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0
    slowest: list[tuple[float, str, int]] = field(default_factory=list)

    def add(self, outcome: str, seconds: float, size: int) -> None:
        """Count one entry."""
        self.outcomes[outcome] += 1
        self.cpu_s += seconds
        if len(self.slowest) < _SLOWEST or seconds > self.slowest[-1][0]:
            self.slowest = sorted([*self.slowest, (seconds, outcome, size)], reverse=True)[:_SLOWEST]


def decode_all(entries: Iterable[Fields]) -> DecoderFigures:
    """Decode entries one by one.

    Raises:
        AssertionError: a refusal is longer than a dead letter may be.
    """
    decoder, figures = ListingDecoder(load_domain("housing"), LimitSettings()), DecoderFigures()
    for fields in entries:
        begin = time.thread_time()
        outcome = _outcome(decoder, fields)
        figures.add(outcome, time.thread_time() - begin, sum(map(len, fields.values())))
    return figures


def _outcome(decoder: ListingDecoder, fields: Fields) -> str:
    try:
        decoder.decode(payload_of(fields))
    except RefusedListingError as refused:
        is_bounded = 0 < len(refused.errors) <= MAX_ERRORS and all(
            len(each.field) <= MAX_NAME and len(each.message) <= MAX_MESSAGE for each in refused.errors
        )
        if not is_bounded:
            raise AssertionError(f"{len(refused.errors)} errors for {fields!r:.500}") from refused
        return Reason(refused.reason).value
    return ACCEPTED
