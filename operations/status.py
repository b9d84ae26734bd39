"""The status of one domain at a glance, read from Redis."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Literal

import redis
from pydantic import Field, ValidationError

from monitoring.latency import Latency
from operations.future_ids import AHEAD_S, describe_ahead
from operations.jobs import Job, find_jobs
from operations.judging import BacklogStatus, judge
from operations.processes import (
    ConsumerStatus,
    ExplainerStatus,
    GatewayStatus,
    MonitorStatus,
    TrainerStatus,
    read_processes,
)
from operations.serving import Serving, serving_of
from operations.shard_sums import ShardSums
from schemas.commands import ModelEvent
from schemas.domain import Domain
from schemas.frozen_model import FrozenModel
from schemas.sections import RetentionSettings
from schemas.states import DesiredModel, LoopPause
from schemas.streams import DATA_FIELD, Streams
from transport.blocking_groups import BlockingGroup
from transport.reading import newest
from transport.shards import read_layout

_EVENTS = 5


class Totals(FrozenModel):
    """Counts since the stream began."""

    answered: int = 0
    scored: int = 0
    refused: int = 0
    repeats: int = 0
    imputed: int = 0
    unusual: int = 0


class RegistryStatus(FrozenModel):
    """What the training workers last saw in the registry; None where no living worker has seen it yet."""

    champion: str | None
    versions: int | None


class RecentEvent(FrozenModel):
    """One of the newest model events, with its entry id."""

    entry: str
    event: ModelEvent


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
        shards: over how many shards listings are spread; figures are those of all that are read.
        model: the desired model; None before the first activation.
        serving: champion, desired and active versions.
        trainers, monitors, explainers, gateways: the other processes with a heartbeat.
        registry: the registry as the training workers see it.
        jobs: what processes are doing beside their main loops, the longest first.
        events: the newest model events, newest first.
        loop_pause: the operator's pause of the retraining loop; None if it is not paused.
        blocking_groups: foreign consumer groups that keep answered listings from being trimmed.
        rate_per_s: answers a second (`monitoring.latency.read_rate`).
        ahead_s: how far the newest id of a listing is ahead of Redis's clock; ages and latencies are then unknown.
        predictions: None for a classification, or before the first prediction.
        dead_letters: refusals since the stream began, by reason.
        dead_letters_kept: how many can be read, replayed or dropped now.
        rate_limited_kept: the same for listings refused by the rate limit, which have a stream of their own.
        lookups: listings that the living consumers have looked up in the store of features, by result.
        uptime_s: of the living consumer with the longest uptime; None without one.
    """

    state: Literal["healthy", "degraded", "down"]
    reasons: tuple[str, ...]
    at_ms: int
    prefix: str
    shards: int = 1
    model: DesiredModel | None
    serving: Serving
    registry: RegistryStatus
    consumers: tuple[ConsumerStatus, ...]
    trainers: tuple[TrainerStatus, ...] = ()
    monitors: tuple[MonitorStatus, ...] = ()
    explainers: tuple[ExplainerStatus, ...] = ()
    gateways: tuple[GatewayStatus, ...] = ()
    jobs: tuple[Job, ...] = ()
    events: tuple[RecentEvent, ...] = ()
    loop_pause: LoopPause | None = None
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
    lookups: dict[str, int] = Field(default_factory=dict)
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
    layout = read_layout(client, streams)
    model = DesiredModel.from_hash(_read_hash(client, streams.model))
    processes = read_processes(client, streams)
    consumers, at_ms = processes.consumers, processes.at_ms
    shards = ShardSums.read(client, layout.streams(streams), at_ms, retention)
    progress, backlog, blocking_groups, ahead_s = shards.progress, shards.backlog, shards.blocking, shards.ahead_s
    is_down, reasons = judge(domain.name if domain else streams.prefix, processes, model, backlog, high_water)
    reasons += tuple(map(str, blocking_groups))
    if ahead_s > AHEAD_S:
        reasons += (describe_ahead(ahead_s),)
    living = [consumer.heartbeat for consumer in consumers if consumer.is_living]
    started_ms = [heartbeat.started_ms for heartbeat in living]
    return Status(
        state="down" if is_down else "degraded" if reasons else "healthy",
        reasons=reasons,
        at_ms=at_ms,
        prefix=streams.prefix,
        shards=layout.count,
        model=model,
        serving=serving_of(client, streams, model, living),
        registry=_registry(processes.trainers),
        consumers=consumers,
        trainers=processes.trainers,
        monitors=processes.monitors,
        explainers=processes.explainers,
        gateways=processes.gateways,
        jobs=tuple(find_jobs(processes)),
        events=_events(client, streams),
        loop_pause=LoopPause.from_hash(_read_hash(client, streams.loop)),
        backlog=backlog,
        blocking_groups=blocking_groups,
        totals=Totals(**{name: int(progress.get(name, 0)) for name in Totals.model_fields}),
        rate_per_s=shards.rate_per_s,
        latency_ms=shards.latency_ms,
        ahead_s=ahead_s,
        predictions=None if domain is not None and domain.task == "classification" else _spread(progress),
        dead_letters=_by_reason(progress),
        dead_letters_kept=shards.dead_letters_kept,
        rate_limited_kept=shards.rate_limited_kept,
        lookups=_sum(heartbeat.lookups for heartbeat in living),
        uptime_s=max(at_ms - min(started_ms), 0) / 1000 if started_ms else None,
    )


def _read_hash(client: redis.Redis, key: str) -> dict[bytes, bytes]:
    fields: Any = client.hgetall(key)
    return dict(fields)


def _sum(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _registry(trainers: Iterable[TrainerStatus]) -> RegistryStatus:
    living = (each.heartbeat for each in trainers if each.is_living and each.heartbeat.versions is not None)
    latest = max(living, key=lambda beat: beat.at_ms, default=None)
    return RegistryStatus(champion=latest.champion if latest else None, versions=latest.versions if latest else None)


def _events(client: redis.Redis, streams: Streams) -> tuple[RecentEvent, ...]:
    events = []
    for entry_id, fields in newest(client, streams.model_events, _EVENTS):
        # a client may have added anything
        with suppress(ValidationError):
            event = ModelEvent.model_validate_json(fields.get(DATA_FIELD, b""))
            events.append(RecentEvent(entry=entry_id.decode(), event=event))
    return tuple(events)


def _spread(progress: Mapping[str, float]) -> PredictionSpread | None:
    count = int(progress.get("scored", 0))
    if not count:
        return None
    total, squares = (progress.get(name, 0.0) for name in ("prediction_sum", "prediction_sum_squares"))
    mean = total / count
    # rounding can make the difference of two large sums negative where all predictions are equal
    return PredictionSpread(mean=mean, sd=math.sqrt(max(squares / count - mean**2, 0.0)))


def _by_reason(progress: Mapping[str, float]) -> dict[str, int]:
    prefix = "refused:"
    return {name.removeprefix(prefix): int(n) for name, n in sorted(progress.items()) if name.startswith(prefix)}
