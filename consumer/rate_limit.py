"""The rate of each source: out of whose bucket each outcome of a batch is spent, if sources are limited at all.

The commit script spends an event when it acknowledges its entry. What finds its source's bucket empty stays pending,
and is committed again as a dead letter, which costs nothing.
"""

from __future__ import annotations

import struct
from itertools import chain, repeat
from typing import NamedTuple

import msgspec

from consumer.batch import ScoredBatch
from schemas.refusals import Reason
from schemas.sections import RateLimitSettings
from schemas.streams import Streams

_FREE = frozenset({Reason.RATE_LIMITED, Reason.POISON, Reason.PAYLOAD_GONE})
"""What is refused for these reasons has been counted before, or did harm enough."""


class Charges(NamedTuple):
    """What the commit script is told of the rates.

    Attributes:
        buckets: the key of each source's bucket in the batch.
        arguments: rate, burst, and for each outcome two bytes: the number of its bucket from 1, 0 for none.
    """

    buckets: tuple[str, ...]
    arguments: tuple[object, object, bytes]


_identities = msgspec.json.Decoder(tuple[str, str]).decode_lines

NO_CHARGES = Charges((), (0, 0, b""))


class RateLimit:
    """How much each source may send, on one domain's keys."""

    def __init__(self, settings: RateLimitSettings, streams: Streams) -> None:
        self._settings = settings
        self._streams = streams

    def charge(self, batch: ScoredBatch) -> Charges:
        """Whose bucket each outcome is spent from. What names no source, or none that can be read, shares one."""
        if not self._settings.events_per_s:
            return NO_CHARGES
        numbers: dict[str, int] = {}
        reasons = chain(repeat("", batch.predictions), batch.reasons)
        charged = [
            0 if reason in _FREE else numbers.setdefault(source, len(numbers) + 1)
            for reason, (source, _) in zip(reasons, _identities(batch.identities), strict=True)
        ]
        buckets = tuple(self._streams.bucket(source) for source in numbers)
        packed = struct.pack(f"<{len(charged)}H", *charged)
        return Charges(buckets, (repr(self._settings.events_per_s), self._settings.burst, packed))
