"""Baking: a model that was just promoted is watched for a while, and taken back if it does harm.

What it is judged by depends on the model and not on the data: listings that it could not score, the time that answers
take, and predictions that moved against those of the model before it, over the same stream.
"""

from __future__ import annotations

import math
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
from transport.reading import scan_back

PROMOTIONS = ("model.promote", "model.retrain")
"""Commands whose activations bake; what a person reloads or rolls back to is that person's choice."""


@dataclass(frozen=True, slots=True)
class BakeStart:
    """Counts when an activation was first seen."""

    activation: str
    answered: int
    poisoned: int


@dataclass(frozen=True, slots=True)
class Signs:
    """What has been seen of a model since its activation.

    Attributes:
        answered: listings answered since.
        poison_share: how many of them could not be scored.
        p99_ms: 99th percentile of the time its answers took; None before the first.
        shift_sd: how far the mean prediction moved from that of the models before, in standard deviations of theirs;
            None where one side has too few, and for classes.
    """

    answered: int
    poison_share: float
    p99_ms: float | None
    shift_sd: float | None


def is_baking(desired: DesiredModel, at_ms: int, limits: LoopSettings) -> bool:
    """Whether an activation is young enough to be watched."""
    return at_ms - EntryId.parse(desired.activation).ms < limits.bake_minutes * 60_000


def begin(client: redis.Redis, streams: Streams, desired: DesiredModel) -> BakeStart:
    """Note the counts from which signs are counted."""
    return BakeStart(desired.activation, *_counts(client, streams))


def read_signs(client: redis.Redis, streams: Streams, domain: Domain, start: BakeStart, limits: LoopSettings) -> Signs:
    """What has been seen since the start.

    Raises:
        redis.exceptions.RedisError: as the server answered.
    """
    answered_now, poisoned_now = _counts(client, streams)
    answered, poisoned = answered_now - start.answered, poisoned_now - start.poisoned
    latency = read_latency(client, streams, since=start.activation)
    needed = limits.bake_min_answers
    shift = None if domain.target.classes else _shift(client, streams, domain, start.activation, needed)
    return Signs(answered, poisoned / answered if answered else 0.0, latency.p99 if latency else None, shift)


def harm(signs: Signs, limits: LoopSettings) -> str | None:
    """Why the model has to be taken back; None if it may stay, or if too little was seen."""
    if signs.answered < limits.bake_min_answers:
        return None
    if signs.poison_share > limits.bake_max_poison_share:
        return f"{signs.poison_share:.1%} of {signs.answered} listings could not be scored"
    if signs.p99_ms is not None and signs.p99_ms > limits.bake_max_p99_ms:
        return f"one answer in a hundred took longer than {signs.p99_ms:.0f} ms"
    if signs.shift_sd is not None and abs(signs.shift_sd) > limits.bake_max_shift_sd:
        return f"predictions moved by {signs.shift_sd:+.2f} standard deviations"
    return None


def _counts(client: redis.Redis, streams: Streams) -> tuple[int, int]:
    counts: Any = client.hmget(streams.progress, "answered", "refused:poison")
    answered, poisoned = counts
    return int(answered or 0), int(poisoned or 0)


def _shift(client: redis.Redis, streams: Streams, domain: Domain, activation: str, needed: int) -> float | None:
    """The shift between two stretches of the window: this model's rows, and as many of the models before it."""
    after, before = list[float](), list[float]()
    since, layout = EntryId.parse(activation), layout_of(domain)
    for _, fields in scan_back(client, streams.window):
        if fields[b"layout"].decode() != layout:
            continue
        side = after if EntryId.parse(fields[b"activation"]) >= since else before
        if len(side) < needed:
            side.extend(unpack_rows(domain, fields)["prediction"].tolist())
        elif side is before:
            break
    if len(after) < needed or len(before) < needed:
        return None
    spread = float(np.std(before))
    moved = float(np.mean(after) - np.mean(before))
    return moved / spread if spread > 0 else math.copysign(math.inf, moved) if moved else 0.0
