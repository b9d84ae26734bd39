"""Baking: measures a newly promoted model for a while, and decides whether it does harm.

The measurements depend on the model rather than on the data: the share of listings that it could not score, the latency
of answers, and the shift of its predictions against those of the previous model on the same stream.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import redis

from monitoring.latency import read_latency
from schemas.domain import Domain
from schemas.sections import LoopSettings
from schemas.states import DesiredModel
from schemas.streams import Streams
from schemas.window import layout_of, unpack_rows
from transport.entries import EntryId
from transport.sharded_reading import scan_shards_back
from transport.shards import read_layout

BAKED_COMMANDS = ("model.promote", "model.retrain")
"""Commands whose activations bake; a reload or rollback by an operator does not."""


@dataclass(frozen=True, slots=True)
class BakeStart:
    """The counts at the start of a bake."""

    activation: str
    answered: int
    poisoned: int


@dataclass(frozen=True, slots=True)
class BakeMeasurements:
    """Measurements of a model since its bake started.

    Attributes:
        answered: number of answered listings.
        poison_share: share of them that could not be scored.
        p99_ms: 99th percentile of the latency; None before the first answer.
        shift_sd: difference of the mean prediction to that of the previous models, in their standard deviations; None
            with too few predictions on either side, and for classes.
    """

    answered: int
    poison_share: float
    p99_ms: float | None
    shift_sd: float | None


def is_baking(desired: DesiredModel, at_ms: int, limits: LoopSettings) -> bool:
    """Whether an activation is recent enough to bake."""
    return at_ms - EntryId.parse(desired.activation).ms < limits.bake_minutes * 60_000


def start_bake(client: redis.Redis, streams: Streams, desired: DesiredModel) -> BakeStart:
    """Read the counts at the start of a bake."""
    return BakeStart(desired.activation, *_counts(client, read_layout(client, streams).streams(streams)))


def measure_bake(
    client: redis.Redis, streams: Streams, domain: Domain, start: BakeStart, limits: LoopSettings
) -> BakeMeasurements:
    """Measure a model since the start of its bake.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    shards = read_layout(client, streams).streams(streams)
    answered_now, poisoned_now = _counts(client, shards)
    answered, poisoned = answered_now - start.answered, poisoned_now - start.poisoned
    latency = read_latency(client, *shards, since=start.activation)
    needed = limits.bake_min_answers
    shift = None if domain.target.classes else _shift(client, shards, domain, start.activation, needed)
    return BakeMeasurements(answered, poisoned / answered if answered else 0.0, latency.p99 if latency else None, shift)


def find_harm(measured: BakeMeasurements, limits: LoopSettings) -> str | None:
    """Why the model must be rolled back; None if it may stay, or with too few answers to decide."""
    if measured.answered < limits.bake_min_answers:
        return None
    if measured.poison_share > limits.bake_max_poison_share:
        return f"{measured.poison_share:.1%} of {measured.answered} listings could not be scored"
    if measured.p99_ms is not None and measured.p99_ms > limits.bake_max_p99_ms:
        return f"p99 latency is {measured.p99_ms:.0f} ms"
    if measured.shift_sd is not None and abs(measured.shift_sd) > limits.bake_max_shift_sd:
        return f"predictions shifted by {measured.shift_sd:+.2f} standard deviations"
    return None


def _counts(client: redis.Redis, shards: Sequence[Streams]) -> tuple[int, int]:
    counts: Any = [client.hmget(shard.progress, "answered", "refused:poison") for shard in shards]
    answered, poisoned = (sum(int(count or 0) for count in each) for each in zip(*counts, strict=True))
    return answered, poisoned


def _shift(
    client: redis.Redis, shards: Sequence[Streams], domain: Domain, activation: str, needed: int
) -> float | None:
    """The shift between the latest rows of this model and as many of the previous models."""
    after, before = list[float](), list[float]()
    since, layout = EntryId.parse(activation), layout_of(domain)
    for _, _, fields in scan_shards_back(client, shards, lambda shard: shard.window):
        if fields[b"layout"].decode() != layout:
            continue
        side = after if EntryId.parse(fields[b"activation"]) >= since else before
        if len(side) < needed:
            side.extend(unpack_rows(domain, fields)["prediction"].tolist())
        elif side is before:
            break
    if len(after) < needed or len(before) < needed:
        return None
    sd = float(np.std(before))
    shift = float(np.mean(after) - np.mean(before))
    return shift / sd if sd > 0 else math.copysign(math.inf, shift) if shift else 0.0
