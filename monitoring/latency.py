"""Rate and latency of answers, measured by entry ids and so by Redis's clock alone."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import redis

from schemas.frozen_model import FrozenModel
from schemas.streams import Streams
from transport.answers import answered_entry
from transport.entries import EntryId
from transport.reading import newest
from transport.scripts import Script

SAMPLE = 1000
_SPAN_MS = 60_000
_MAX_ENTRIES = 500
_SHORT_MS = 2_000
_MEASURE_S = 0.25
_RATE = Script("monitoring", "rate")


class Latency(FrozenModel):
    """Time from publication to prediction, in milliseconds; percentiles by nearest rank.

    `left_out` more predictions could not be measured, because the id of their listing is later than their own.
    """

    count: int
    left_out: int = 0
    avg: float
    p50: float
    p95: float
    p99: float


def read_latency(
    client: redis.Redis, streams: Streams, sample: int = SAMPLE, since: str | None = None
) -> Latency | None:
    """The latency of the newest predictions, optionally only of those after an entry id; None if none is measurable."""
    entries = newest(client, streams.predictions, sample)
    if since is not None:
        entries = [entry for entry in entries if EntryId.parse(entry[0]) > EntryId.parse(since)]
    return latency_of(
        [EntryId.parse(answered_entry(fields)).age_ms(EntryId.parse(entry_id).ms) for entry_id, fields in entries]
    )


def latency_of(latencies_ms: Sequence[float | None]) -> Latency | None:
    """Average and percentiles of latencies, without the unknown ones; None without any."""
    ordered = sorted(each for each in latencies_ms if each is not None)
    count = len(ordered)
    if not count:
        return None
    p50, p95, p99 = (ordered[math.ceil(count * share) - 1] for share in (0.5, 0.95, 0.99))
    left_out = len(latencies_ms) - count
    return Latency(count=count, left_out=left_out, avg=sum(ordered) / count, p50=p50, p95=p95, p99=p99)


def read_rate(client: redis.Redis, streams: Streams) -> float:
    """Answers a second, over the last minute or since the 500th newest answer, whichever is shorter.

    If 500 answers span less than two seconds, the rate is measured over a quarter of a second instead.
    """
    keys = (*streams.written_answers, streams.progress)
    count, since_ms, now_ms, answered = _RATE.run(client, keys, (_SPAN_MS, _MAX_ENTRIES))
    if count and now_ms - since_ms < _SHORT_MS:
        # answers are written in batches: over so short a time, one batch would dominate the rate
        time.sleep(_MEASURE_S)
        _, _, later_ms, later = _RATE.run(client, keys, (0, 1))
        return _per_second(later - answered, later_ms - now_ms)
    return _per_second(count, now_ms - since_ms)


def _per_second(count: int, span_ms: int) -> float:
    # the clock may have been set back
    return count / max(span_ms, 1) * 1000
