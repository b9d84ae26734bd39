"""The rate limit of each source: from which source's bucket each outcome of a batch is spent.

The commit script spends an event when it acknowledges its entry. An entry whose source's bucket is empty stays pending,
and is committed again as a dead letter, which costs nothing.
"""

from __future__ import annotations

import struct
from itertools import chain, repeat
from typing import NamedTuple

import msgspec

from consumer.batch import ScoredBatch
from schemas.refusals import Reason
from schemas.streams import Streams

_FREE = frozenset({Reason.RATE_LIMITED, Reason.POISON, Reason.PAYLOAD_GONE})
"""Refusals that spend nothing: their entries were counted before, or were not the source's doing."""


class Charges(NamedTuple):
    """What the commit script gets about rates.

    Attributes:
        buckets: the key of each source's bucket in the batch.
        bucket_numbers: for each outcome two bytes, little-endian: the number of its bucket from 1, or 0 for none.
    """

    buckets: tuple[str, ...]
    bucket_numbers: bytes


_identities = msgspec.json.Decoder(tuple[str, str]).decode_lines

NO_CHARGES = Charges((), b"")


def charge(streams: Streams, batch: ScoredBatch) -> Charges:
    """From whose bucket each outcome is spent. Events without a readable source share one bucket."""
    numbers: dict[str, int] = {}
    reasons = chain(repeat("", batch.predictions), batch.reasons)
    charged = [
        0 if reason in _FREE else numbers.setdefault(source, len(numbers) + 1)
        for reason, (source, _) in zip(reasons, _identities(batch.identities), strict=True)
    ]
    buckets = tuple(streams.bucket(source) for source in numbers)
    return Charges(buckets, struct.pack(f"<{len(charged)}H", *charged))
