"""The status of one domain at a glance, read from Redis."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import redis

from monitoring.latency import Latency, read_latency, read_rate
from schemas.domain import Domain
from schemas.frozen_model import FrozenModel
from schemas.sections import RetentionSettings
from schemas.states import ConsumerHeartbeat, DesiredModel
from schemas.streams import Streams
from transport.backlog import read_backlog
from transport.blocking_groups import BlockingGroup, read_blocking_groups
from transport.clock import now_ms
from transport.entries import EntryId
from transport.reading import pending

STUCK_S = 60
"""Age of the oldest pending entry from which the status is degraded."""
AHEAD_S = 5
"""How far entry ids may be ahead of Redis's clock before the status is degraded."""


class BacklogStatus(FrozenModel):
    """Unanswered entries; `is_exact` as in `transport.backlog`."""

    total: int
    undelivered: int
    pending: int
    is_exact: bool
    oldest_pending_s: float


class ConsumerStatus(FrozenModel):
    """One consumer's last heartbeat and its age."""

    heartbeat: ConsumerHeartbeat
    is_living: bool
    silent_s: float


class Totals(FrozenModel):
    """Counts since the stream began."""

    answered: int = 0
    scored: int = 0
    refused: int = 0
    repeats: int = 0
    imputed: int = 0
    unusual: int = 0


class PredictionSpread(FrozenModel):
    """Mean and standard deviation of all predictions, in the target's unit."""

    mean: float
    sd: float


class Status(FrozenModel):
    """The status of one domain.

    Attributes:
        state: `down` if no consumer answers, `degraded` if something is wrong, else `healthy`.
        reasons: why the state is not `healthy`.
        at_ms: when it was read, by Redis's clock.
        model: the desired model; None before the first activation.
        blocking_groups: foreign consumer groups that keep answered listings from being trimmed.
        rate_per_s: answers a second (`monitoring.latency.read_rate`).
        ahead_s: how far the newest id of a listing is ahead of Redis's clock; ages and latencies are then unknown.
        predictions: None for a classification, or before the first prediction.
        dead_letters: refusals since the stream began, by reason.
        dead_letters_kept: how many can be read, replayed or dropped now.
        rate_limited_kept: the same for listings refused by the rate limit, which have a stream of their own.
        uptime_s: of the living consumer with the longest uptime; None without one.
    """

    state: Literal["healthy", "degraded", "down"]
    reasons: tuple[str, ...]
    at_ms: int
    prefix: str
    model: DesiredModel | None
    consumers: tuple[ConsumerStatus, ...]
    backlog: BacklogStatus
    blocking_groups: tuple[BlockingGroup, ...] = ()
    totals: Totals
    rate_per_s: float
    latency_ms: Latency | None
    ahead_s: float = 0.0
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
    retention: RetentionSettings | None = None,
) -> Status:
    """Read the status.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: if given and a classification, predictions have no mean.
        high_water: backlog at which publishers wait; reaching it is a reason.
        retention: limits of trimming; groups that block it are a reason.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    progress, heartbeats = (_read_hash(client, key) for key in (streams.progress, streams.consumers))
    model = DesiredModel.from_hash(_read_hash(client, streams.model))
    at_ms = now_ms(client)
    consumers = tuple(
        _consumer(ConsumerHeartbeat.model_validate_json(text), at_ms) for _, text in sorted(heartbeats.items())
    )
    backlog = _read_backlog(client, streams, at_ms)
    blocking_groups = read_blocking_groups(client, streams, retention) if retention else ()
    is_down, reasons = judge(consumers, model, backlog, high_water)
    reasons += tuple(map(str, blocking_groups))
    ahead_s = _ahead_s(client, streams, at_ms)
    if ahead_s > AHEAD_S:
        reasons += (_ahead_reason(ahead_s),)
    started_ms = [consumer.heartbeat.started_ms for consumer in consumers if consumer.is_living]
    return Status(
        state="down" if is_down else "degraded" if reasons else "healthy",
        reasons=reasons,
        at_ms=at_ms,
        prefix=streams.prefix,
        model=model,
        consumers=consumers,
        backlog=backlog,
        blocking_groups=blocking_groups,
        totals=Totals(**{name: int(progress.get(name.encode(), 0)) for name in Totals.model_fields}),
        rate_per_s=read_rate(client, streams),
        latency_ms=read_latency(client, streams),
        ahead_s=ahead_s,
        predictions=None if domain is not None and domain.task == "classification" else _spread(progress),
        dead_letters=_by_reason(progress),
        dead_letters_kept=client.xlen(streams.dead_letters),
        rate_limited_kept=client.xlen(streams.rate_limited),
        uptime_s=max(at_ms - min(started_ms), 0) / 1000 if started_ms else None,
    )


def judge(
    consumers: Sequence[ConsumerStatus], model: DesiredModel | None, backlog: BacklogStatus, high_water: int | None
) -> tuple[bool, tuple[str, ...]]:
    """Whether the domain is down, and the reasons why it is not healthy."""
    living = [consumer.heartbeat for consumer in consumers if consumer.is_living]
    reasons = [] if living else ["no consumer lives"]
    if model is None:
        reasons.append("no model has been activated")
    reasons.extend(problem for consumer in consumers for problem in _problems(consumer, model))
    if backlog.oldest_pending_s > STUCK_S:
        reasons.append(f"an entry has been pending for {backlog.oldest_pending_s:.0f} s")
    if high_water is not None and backlog.total >= high_water:
        reasons.append(f"the backlog of {backlog.total} has reached the high-water mark {high_water}")
    return not any(heartbeat.state == "running" for heartbeat in living), tuple(reasons)


def _problems(consumer: ConsumerStatus, model: DesiredModel | None) -> Iterator[str]:
    heartbeat = consumer.heartbeat
    name, reasons = heartbeat.name, heartbeat.reasons
    if not consumer.is_living:
        yield f"{name}: no heartbeat for {consumer.silent_s:.0f} s"
        return
    if heartbeat.state != "running" or reasons:
        yield f"{name}: {heartbeat.state}" + (f" ({'; '.join(reasons)})" if reasons else "")
    if model is not None and heartbeat.activation not in {None, model.activation}:
        yield f"{name}: runs version {heartbeat.version}, {model.version} is desired"


def _read_hash(client: redis.Redis, key: str) -> dict[bytes, bytes]:
    fields: Any = client.hgetall(key)
    return dict(fields)


def _consumer(heartbeat: ConsumerHeartbeat, at_ms: int) -> ConsumerStatus:
    silent_s = max(at_ms - heartbeat.at_ms, 0) / 1000
    return ConsumerStatus(heartbeat=heartbeat, is_living=heartbeat.is_living(at_ms), silent_s=silent_s)


def _read_backlog(client: redis.Redis, streams: Streams, at_ms: int) -> BacklogStatus:
    backlog = read_backlog(client, streams)
    oldest = next(pending(client, streams), None)
    return BacklogStatus(
        total=backlog.total,
        **asdict(backlog),
        # an entry with an id of the future has no known age
        oldest_pending_s=(EntryId.parse(oldest).age_ms(at_ms) or 0) / 1000 if oldest else 0.0,
    )


def _ahead_s(client: redis.Redis, streams: Streams, at_ms: int) -> float:
    """How far the last id of the listings is ahead of Redis's clock; entries that were trimmed count as well."""
    if not client.exists(streams.listings):
        return 0.0
    info: Any = client.xinfo_stream(streams.listings)
    return max(EntryId.parse(info["last-generated-id"]).ms - at_ms, 0) / 1000


def _ahead_reason(ahead_s: float) -> str:
    days, hours = divmod(ahead_s / 3600, 24)
    span = f"{days:,.0f} days" if days else f"{hours:.1f} h" if hours >= 1 else f"{ahead_s:.0f} s"
    return f"entry ids of listings are {span} ahead of Redis's clock: their ages and latencies are unknown"


def _spread(progress: Mapping[bytes, bytes]) -> PredictionSpread | None:
    count = int(progress.get(b"scored", 0))
    if not count:
        return None
    total, squares = (float(progress.get(name, 0)) for name in (b"prediction_sum", b"prediction_sum_squares"))
    mean = total / count
    # rounding can make the difference of two large sums negative where all predictions are equal
    return PredictionSpread(mean=mean, sd=math.sqrt(max(squares / count - mean**2, 0.0)))


def _by_reason(progress: Mapping[bytes, bytes]) -> dict[str, int]:
    prefix = b"refused:"
    return {
        name.removeprefix(prefix).decode(): int(n) for name, n in sorted(progress.items()) if name.startswith(prefix)
    }
