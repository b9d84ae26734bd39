"""How fast answers come: their rate, and how long each took. One clock, Redis's, by the ids of the entries."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import msgspec
import redis
from pydantic import BaseModel, ConfigDict

from schemas.streams import DATA_FIELD, Streams
from transport.entries import EntryId
from transport.reading import newest
from transport.scripts import Script

SAMPLE = 1000
_SPAN_MS = 60_000
_LIMIT = 500
_SHORT_MS = 2_000
_MEASURED_S = 0.25
_RATE = Script("monitoring", "rate")


class _Answer(msgspec.Struct):
    id: str


_decode = msgspec.json.Decoder(_Answer).decode


class Latency(BaseModel):
    """How long predictions took from publication, in milliseconds; percentiles by nearest rank."""

    model_config = ConfigDict(frozen=True)

    count: int
    avg: float
    p50: float
    p95: float
    p99: float


def read_latency(
    client: redis.Redis, streams: Streams, sample: int = SAMPLE, since: str | None = None
) -> Latency | None:
    """The latency of the newest predictions, or of those of them after an entry id; None where there is none."""
    entries = newest(client, streams.predictions, sample)
    if since is not None:
        entries = [entry for entry in entries if EntryId.parse(entry[0]) > EntryId.parse(since)]
    return latency_of([EntryId.parse(entry_id).ms - _published_ms(fields) for entry_id, fields in entries])


def _published_ms(fields: dict[bytes, bytes]) -> int:
    return EntryId.parse(_decode(fields[DATA_FIELD]).id).ms


def latency_of(latencies_ms: Sequence[float]) -> Latency | None:
    """Average and percentiles of some latencies; None of none.

    >>> latency_of([4, 1, 3, 2])
    Latency(count=4, avg=2.5, p50=2.0, p95=4.0, p99=4.0)
    """
    if not latencies_ms:
        return None
    ordered, count = sorted(latencies_ms), len(latencies_ms)
    p50, p95, p99 = (ordered[math.ceil(count * share) - 1] for share in (0.5, 0.95, 0.99))
    return Latency(count=count, avg=sum(ordered) / count, p50=p50, p95=p95, p99=p99)


def read_rate(client: redis.Redis, streams: Streams) -> float:
    """Answers a second over the last minute, or since the 500th newest where that is less; under load, right now."""
    keys = (*streams.written_answers, streams.progress)
    count, since_ms, now_ms, answered = _RATE.run(client, keys, (_SPAN_MS, _LIMIT))
    if count and now_ms - since_ms < _SHORT_MS:
        # answers come in batches: over so short a time the count says more about one batch than about the rate
        time.sleep(_MEASURED_S)
        _, _, later_ms, later = _RATE.run(client, keys, (0, 1))
        return _per_second(later - answered, later_ms - now_ms)
    return _per_second(count, now_ms - since_ms)


def _per_second(count: int, span_ms: int) -> float:
    # a clock may be set back
    return count / max(span_ms, 1) * 1000
