"""The newest answers of a rollout's arms, and the figures that follow from them."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import redis.asyncio

from monitoring.latency import latency_of
from monitoring.rollouts.arm_answers import ArmAnswer, read_answers
from monitoring.rollouts.guardrails import RolloutMeasurements
from schemas.domain import Domain
from schemas.pairs import unpack_pairs
from schemas.rollout_report import ArmFigures
from schemas.rollouts import ArmName, DesiredRollout
from schemas.streams import Streams
from schemas.window import layout_of
from transport.entries import EntryId
from transport.reading import RawEntry
from transport.watched_shards import WatchedShardsAsync

KEPT = 5000
"""Answers of each arm, and pairs, that figures are computed from."""
_CHUNK = 1000
_BATCHES = 20
_ROUNDS = 20
_MIN_SPAN_S = 1.0


class ScoredPair(NamedTuple):
    """What both models say to one listing, NaN for nothing, and the time that each took for a row, in µs."""

    champion: float
    challenger: float
    champion_us: float
    challenger_us: float


class _TimedPairs(NamedTuple):
    """The pairs of one commit, and when that was."""

    at_ms: int
    pairs: list[ScoredPair]


@dataclass
class ArmWindow:
    """Reads what a rollout's consumers have written since its last change, each entry once.

    Attributes:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: the domain.
    """

    client: redis.asyncio.Redis
    streams: Streams
    domain: Domain
    _shards: WatchedShardsAsync = field(init=False)
    _revision: str = ""
    _cursors: dict[str, str] = field(default_factory=dict)
    _answers: dict[ArmName, deque[ArmAnswer]] = field(default_factory=dict)
    _pairs: deque[ScoredPair] = field(default_factory=deque)
    _counts_before: tuple[int, int] = (0, 0)
    _counts: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        self._shards = WatchedShardsAsync(self.client, self.streams)

    async def advance(self, rollout: DesiredRollout) -> None:
        """Read what is new.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        shards = await self._shards.read()
        if self._revision != rollout.revision:
            self._revision = rollout.revision
            self._cursors = {}
            self._answers = {"champion": deque(maxlen=KEPT), "challenger": deque(maxlen=KEPT)}
            self._pairs = deque(maxlen=KEPT)
            self._counts_before = await self._read_counts(shards)
        answers, pairs = list[ArmAnswer](), list[_TimedPairs]()
        for shard in shards:
            async for entries in self._follow(shard.predictions, _CHUNK):
                answers += read_answers(entries, rollout.id, shard.shard)
            if rollout.has_pairs:
                async for entries in self._follow(shard.shadows, _BATCHES):
                    pairs += self._read_pairs(entries, rollout.id)
        # the newest of all shards are kept
        for answer in sorted(answers, key=lambda answer: answer.at_ms):
            self._answers[answer.arm].append(answer)
        for timed in sorted(pairs, key=lambda timed: timed.at_ms):
            self._pairs.extend(timed.pairs)
        self._counts = await self._read_counts(shards)

    def measurements(self, rollout: DesiredRollout) -> RolloutMeasurements:
        """What the guardrails look at."""
        answering: ArmName = "champion" if rollout.mode == "shadow" else "challenger"
        answers = self._answers[answering]
        latency = latency_of([answer.latency_ms for answer in answers])
        counted = [now - before for now, before in zip(self._counts, self._counts_before, strict=True)]
        if rollout.has_pairs:
            concerned = len(self._pairs)
            fallbacks = sum(math.isnan(pair.challenger) for pair in self._pairs)
        else:
            concerned, fallbacks = len(answers), sum(answer.is_fallback for answer in answers)
        return RolloutMeasurements(
            concerned=concerned,
            fallbacks=fallbacks,
            answers=len(answers),
            p99_ms=latency.p99 if latency else None,
            answered=counted[0],
            poisoned=counted[1],
            us_per_row=_mean([pair.challenger_us for pair in self._pairs]),
            shift_sd=self._shift(),
        )

    def figures(self, rollout: DesiredRollout) -> tuple[ArmFigures, ArmFigures]:
        """The figures of the champion and of the challenger."""
        return self._figures("champion", rollout.champion), self._figures("challenger", rollout.version)

    def _figures(self, arm: ArmName, version: str) -> ArmFigures:
        answers = self._answers[arm]
        said = self._said(arm)
        figures = ArmFigures(arm=arm, version=version, answers=len(answers))
        if self._pairs:
            times = [pair.champion_us if arm == "champion" else pair.challenger_us for pair in self._pairs]
            figures = figures.model_copy(update={"us_per_row": _mean(times)})
        if said and self.domain.target.classes:
            counts = Counter(self.domain.target.classes[int(each)] for each in said)
            shares = {name: counts[name] / len(said) for name in self.domain.target.classes}
            figures = figures.model_copy(update={"classes": shares})
        elif said:
            figures = figures.model_copy(update={"mean": float(np.mean(said)), "sd": float(np.std(said))})
        if not answers:
            return figures
        latency = latency_of([answer.latency_ms for answer in answers])
        times_ms = [answer.at_ms for answer in answers]
        span_s = (max(times_ms) - min(times_ms)) / 1000
        return figures.model_copy(
            update={
                "per_s": len(answers) / span_s if span_s >= _MIN_SPAN_S else None,
                "p50_ms": latency.p50 if latency else None,
                "p99_ms": latency.p99 if latency else None,
                "imputed_share": sum(answer.is_imputed for answer in answers) / len(answers),
            }
        )

    def _said(self, arm: ArmName) -> Sequence[float]:
        """What a model says: to all listings of the rollout where there are pairs, else to those of its arm."""
        if self._pairs:
            said = [pair.champion if arm == "champion" else pair.challenger for pair in self._pairs]
            return [each for each in said if not math.isnan(each)]
        codes = {name: float(code) for code, name in enumerate(self.domain.target.classes)}
        return [
            codes[str(answer.prediction)] if codes else float(answer.prediction)
            for answer in self._answers[arm]
            if not answer.is_fallback
        ]

    def _shift(self) -> float | None:
        if self.domain.target.classes:
            return None
        champion, challenger = self._said("champion"), self._said("challenger")
        if not champion or not challenger:
            return None
        shift, sd = float(np.mean(challenger) - np.mean(champion)), float(np.std(champion))
        return shift / sd if sd > 0 else math.copysign(math.inf, shift) if shift else 0.0

    def _read_pairs(self, entries: Iterable[RawEntry], rollout: str) -> Iterator[_TimedPairs]:
        layout = layout_of(self.domain)
        for entry_id, fields in entries:
            if fields[b"rollout"].decode() != rollout or fields[b"layout"].decode() != layout:
                continue
            times = float(fields[b"champion_us"]), float(fields[b"challenger_us"])
            if times[1] == 0:
                # tried alone, because its consumer died: the challenger was not asked, and deaths are counted elsewhere
                continue
            rows: Any = unpack_pairs(layout, fields)
            said = zip(rows["champion"].tolist(), rows["challenger"].tolist(), strict=True)
            pairs = [ScoredPair(champion, challenger, *times) for champion, challenger in said]
            yield _TimedPairs(EntryId.parse(entry_id).ms, pairs)

    async def _follow(self, key: str, count: int) -> AsyncIterator[list[RawEntry]]:
        """What is new of a stream, a part at a time."""
        self._cursors.setdefault(key, self._revision)
        for _ in range(_ROUNDS):
            entries: Any = await self.client.xrange(key, f"({self._cursors[key]}", "+", count)
            if not entries:
                return
            yield entries
            self._cursors[key] = entries[-1][0].decode()
        # what came faster than this is left out, so that the figures are those of the newest answers
        newest: Any = await self.client.xrevrange(key, count=KEPT // 2 if count == _CHUNK else _BATCHES)
        if newest and EntryId.parse(newest[-1][0]) > EntryId.parse(self._cursors[key]):
            self._cursors[key] = newest[-1][0].decode()

    async def _read_counts(self, shards: Iterable[Streams]) -> tuple[int, int]:
        counts = [await self.client.hmget(shard.progress, "answered", "refused:poison") for shard in shards]
        answered, poisoned = (sum(int(count or 0) for count in each) for each in zip(*counts, strict=True))
        return answered, poisoned


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
