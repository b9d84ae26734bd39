"""The status of one domain: what a person wants to know at a glance, read from Redis in one go."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import redis
from pydantic import BaseModel, ConfigDict

from monitoring.latency import Latency, read_latency, read_rate
from schemas.domain import Domain
from schemas.sections import RetentionSettings
from schemas.states import ConsumerHeartbeat, DesiredModel
from schemas.streams import Streams
from transport.backlog import read_backlog
from transport.blocking_groups import BlockingGroup, read_blocking_groups
from transport.clock import now_ms
from transport.entries import EntryId
from transport.reading import pending

STUCK_S = 60
"""Age of the oldest pending entry from which something is wrong."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class BacklogStatus(_Part):
    """Entries without an answer; `is_exact` as in `transport.backlog`."""

    total: int
    undelivered: int
    pending: int
    is_exact: bool
    oldest_pending_s: float


class ConsumerStatus(_Part):
    """One consumer's last heartbeat, and how long ago it came."""

    heartbeat: ConsumerHeartbeat
    is_living: bool
    silent_s: float


class Totals(_Part):
    """Counts since the stream began; `fenced` are answers that were not written because somebody else had answered."""

    answered: int = 0
    scored: int = 0
    refused: int = 0
    repeats: int = 0
    imputed: int = 0
    unusual: int = 0
    fenced: int = 0


class PredictionSpread(_Part):
    """Mean and standard deviation of all predictions, in the target's unit."""

    mean: float
    sd: float


class Status(_Part):
    """The status of one domain.

    Attributes:
        state: `down` if nobody answers, `degraded` if something is wrong, else `healthy`.
        reasons: why the state is not `healthy`.
        holders: groups of somebody else because of which listings long answered are kept.
        at_ms: when, on Redis's clock.
        model: the desired model; None where none was activated yet.
        rate_per_s: answers a second (`monitoring.latency.read_rate`).
        predictions: None for a classification, or before the first prediction.
        dead_letters: refused ever, by reason.
        dead_letters_kept: how many can be looked at, replayed or dropped now.
        rate_limited_kept: as many of those whose source sent too much, which lie apart.
        uptime_s: of the living consumer that has been up longest; None where none lives.
    """

    state: Literal["healthy", "degraded", "down"]
    reasons: tuple[str, ...]
    at_ms: int
    prefix: str
    model: DesiredModel | None
    consumers: tuple[ConsumerStatus, ...]
    backlog: BacklogStatus
    holders: tuple[BlockingGroup, ...] = ()
    totals: Totals
    rate_per_s: float
    latency_ms: Latency | None
    predictions: PredictionSpread | None
    dead_letters: dict[str, int]
    dead_letters_kept: int
    rate_limited_kept: int
    uptime_s: float | None


def read_status(
    client: redis.Redis,
    streams: Streams,
    domain: Domain | None = None,
    high_water: int | None = None,
    keep: RetentionSettings | None = None,
) -> Status:
    """Read the status.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: if given and a classification, predictions have no mean.
        high_water: backlog at which publishers wait, for a reason to say so.
        keep: what trimming is asked to keep, to find out who holds it back.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    progress, beats = (_read_hash(client, key) for key in (streams.progress, streams.consumers))
    model = DesiredModel.from_hash(_read_hash(client, streams.model))
    at_ms = now_ms(client)
    consumers = tuple(
        _consumer(ConsumerHeartbeat.model_validate_json(beat), at_ms) for _, beat in sorted(beats.items())
    )
    backlog = _read_backlog(client, streams, at_ms)
    holders = read_blocking_groups(client, streams, keep) if keep else ()
    is_down, reasons = judge(consumers, model, backlog, high_water)
    reasons += tuple(map(str, holders))
    started_ms = [consumer.heartbeat.started_ms for consumer in consumers if consumer.is_living]
    return Status(
        state="down" if is_down else "degraded" if reasons else "healthy",
        reasons=reasons,
        at_ms=at_ms,
        prefix=streams.prefix,
        model=model,
        consumers=consumers,
        backlog=backlog,
        holders=holders,
        totals=Totals(**{name: int(progress.get(name.encode(), 0)) for name in Totals.model_fields}),
        rate_per_s=read_rate(client, streams),
        latency_ms=read_latency(client, streams),
        predictions=None if domain is not None and domain.task == "classification" else _spread(progress),
        dead_letters=_by_reason(progress),
        dead_letters_kept=client.xlen(streams.dead_letters),
        rate_limited_kept=client.xlen(streams.rate_limited),
        uptime_s=(at_ms - min(started_ms)) / 1000 if started_ms else None,
    )


def judge(
    consumers: Sequence[ConsumerStatus], model: DesiredModel | None, backlog: BacklogStatus, high_water: int | None
) -> tuple[bool, tuple[str, ...]]:
    """Whether nobody answers, and everything that is wrong."""
    living = [consumer.heartbeat for consumer in consumers if consumer.is_living]
    reasons = [] if living else ["no consumer lives"]
    if model is None:
        reasons.append("no model has been activated")
    reasons.extend(problem for consumer in consumers for problem in _problems(consumer, model))
    if backlog.oldest_pending_s > STUCK_S:
        reasons.append(f"an entry has been pending for {backlog.oldest_pending_s:.0f} s")
    if high_water is not None and backlog.total >= high_water:
        reasons.append(f"the backlog of {backlog.total} has reached the high-water mark {high_water}")
    return not any(beat.state == "running" for beat in living), tuple(reasons)


def _problems(consumer: ConsumerStatus, model: DesiredModel | None) -> Iterator[str]:
    beat = consumer.heartbeat
    if not consumer.is_living:
        yield f"{beat.name}: no heartbeat for {consumer.silent_s:.0f} s"
        return
    if beat.state != "running" or beat.reasons:
        yield f"{beat.name}: {beat.state}" + (f" ({'; '.join(beat.reasons)})" if beat.reasons else "")
    if model is not None and beat.activation not in {None, model.activation}:
        yield f"{beat.name}: runs version {beat.version}, {model.version} is desired"


def _read_hash(client: redis.Redis, key: str) -> dict[bytes, bytes]:
    fields: Any = client.hgetall(key)
    return dict(fields)


def _consumer(beat: ConsumerHeartbeat, at_ms: int) -> ConsumerStatus:
    silent_s = max(at_ms - beat.at_ms, 0) / 1000
    return ConsumerStatus(heartbeat=beat, is_living=beat.is_living(at_ms), silent_s=silent_s)


def _read_backlog(client: redis.Redis, streams: Streams, at_ms: int) -> BacklogStatus:
    backlog = read_backlog(client, streams)
    oldest = next(pending(client, streams), None)
    return BacklogStatus(
        total=backlog.total,
        undelivered=backlog.undelivered,
        pending=backlog.pending,
        is_exact=backlog.is_exact,
        oldest_pending_s=max(at_ms - EntryId.parse(oldest).ms, 0) / 1000 if oldest else 0.0,
    )


def _spread(progress: Mapping[bytes, bytes]) -> PredictionSpread | None:
    count = int(progress.get(b"scored", 0))
    if not count:
        return None
    total, squares = (float(progress.get(name, 0)) for name in (b"prediction_sum", b"prediction_sum_squares"))
    mean = total / count
    # the difference of two large sums can come out below zero where all predictions are equal
    return PredictionSpread(mean=mean, sd=math.sqrt(max(squares / count - mean**2, 0.0)))


def _by_reason(progress: Mapping[bytes, bytes]) -> dict[str, int]:
    prefix = b"refused:"
    return {
        name.removeprefix(prefix).decode(): int(n) for name, n in sorted(progress.items()) if name.startswith(prefix)
    }
