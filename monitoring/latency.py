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
    client: redis.Redis, *shards: Streams, sample: int = SAMPLE, since: str | None = None
) -> Latency | None:
    """The latency of the newest predictions of shards, `sample` of each; None if none is measurable.

    With `since`, only of those after this entry id.
    """
    entries = [entry for shard in shards for entry in newest(client, shard.predictions, sample)]
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


def read_rate(client: redis.Redis, *shards: Streams) -> float:
    """Answers a second in shards, over the last minute or since the 500th newest answer, whichever is shorter.

    If 500 answers span less than two seconds, the rate is measured over a quarter of a second instead.
    """
    keys = [(*shard.written_answers, shard.progress) for shard in shards]
    counted = [_RATE.run(client, own, (_SPAN_MS, _MAX_ENTRIES)) for own in keys]
    is_short = [bool(count) and now_ms - since_ms < _SHORT_MS for count, since_ms, now_ms, _ in counted]
    if any(is_short):
        # answers are written in batches: over so short a time, one batch would dominate the rate
        time.sleep(_MEASURE_S)
    rate = 0.0
    for own, was_short, (count, since_ms, now_ms, answered) in zip(keys, is_short, counted, strict=True):
        if was_short:
            _, _, later_ms, later = _RATE.run(client, own, (0, 1))
            rate += _per_second(later - answered, later_ms - now_ms)
        else:
            rate += _per_second(count, now_ms - since_ms)
    return rate


def _per_second(count: int, span_ms: int) -> float:
    # the clock may have been set back
    return count / max(span_ms, 1) * 1000
