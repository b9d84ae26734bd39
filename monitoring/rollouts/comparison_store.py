"""Keeps a rollout's comparison in Redis, so that any monitor continues it and nothing is counted twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import redis.asyncio

from monitoring.outcomes.guarded_writes import GuardedWrites
from monitoring.rollouts.comparison import OutcomeUnit, RolloutComparison, SegmentLosses
from monitoring.rollouts.labelling import Labelled
from monitoring.rollouts.moments import Moments
from schemas.rollouts import DesiredRollout
from schemas.streams import Streams

_CURSOR = "cursor"
_SUMS = "sums"
_CHUNK = 1000
"""Units in one write: Lua takes at most some thousand arguments."""


class ComparisonCursor(NamedTuple):
    """What a comparison has read.

    Attributes:
        rollout: entry id of its start.
        is_paired: whether it compares pairs; a rollout that is adjusted in this respect is compared anew.
        start: entry id after which it reads every shard.
        shadows: by shard, the last entry of `shadows` that it has read; of a later shard, `start`.
        predictions: the same of `predictions`.
        phase_ms: beginning of the phase of which the arms' shares of outcomes are counted.
    """

    rollout: str
    is_paired: bool
    start: str
    shadows: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    phase_ms: int = 0

    @classmethod
    def at_start(cls, rollout: DesiredRollout, *, is_anew: bool = False) -> ComparisonCursor:
        """Of a rollout of which nothing has been read; from its last change on if it is compared anew."""
        start = rollout.revision if is_anew else rollout.id
        return cls(rollout.id, rollout.has_pairs, start)

    def after_shadow(self, shard: int, entry_id: str) -> ComparisonCursor:
        """The cursor once an entry of a shard's `shadows` has been read."""
        return self._replace(shadows=_moved(self.shadows, shard, self.start, entry_id))

    def after_prediction(self, shard: int, entry_id: str) -> ComparisonCursor:
        """The cursor once an entry of a shard's `predictions` has been read."""
        return self._replace(predictions=_moved(self.predictions, shard, self.start, entry_id))

    def shadow_of(self, shard: int) -> str:
        """The last entry of a shard's `shadows` that has been read."""
        return self.shadows[shard] if shard < len(self.shadows) else self.start

    def prediction_of(self, shard: int) -> str:
        """The last entry of a shard's `predictions` that has been read."""
        return self.predictions[shard] if shard < len(self.predictions) else self.start


class ComparisonStore:
    """The comparison of one domain's rollout.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
    """

    def __init__(self, client: redis.asyncio.Redis, streams: Streams) -> None:
        self._client = client
        self._streams = streams

    async def load(self, rollout: DesiredRollout) -> tuple[ComparisonCursor, RolloutComparison]:
        """The comparison of a rollout; an empty one if there is none yet.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        stored: Any = await self._client.hmget(self._streams.rollout_comparison, _CURSOR, _SUMS)
        if stored[0] is None:
            return ComparisonCursor.at_start(rollout), RolloutComparison()
        cursor = _parse_cursor(stored[0])
        if cursor.rollout != rollout.id:
            return ComparisonCursor.at_start(rollout), RolloutComparison()
        if cursor.is_paired != rollout.has_pairs:
            return ComparisonCursor.at_start(rollout, is_anew=True), RolloutComparison()
        return cursor, _parse(stored[1])

    async def units(self, names: Iterable[str], cursor: ComparisonCursor) -> dict[str, OutcomeUnit]:
        """The units of these names that the comparison has already."""
        wanted = list(dict.fromkeys(names))
        if not wanted or await self._written_cursor() != _to_json(cursor):
            return {}
        stored: Any = await self._client.hmget(self._streams.rollout_units, wanted)
        return {name: _parse_unit(text) for name, text in zip(wanted, stored, strict=True) if text is not None}

    async def save(
        self,
        before: ComparisonCursor,
        after: ComparisonCursor,
        comparison: RolloutComparison,
        units: Mapping[str, OutcomeUnit],
    ) -> bool:
        """Keep a comparison and its changed units; False if another monitor has got further meanwhile.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        written = await self._written_cursor()
        if written and _parse_cursor(written)[:2] == before[:2] and written != _to_json(before):
            return False
        key, units_key = self._streams.rollout_comparison, self._streams.rollout_units
        writes = GuardedWrites()
        writes.guard(key, written, _CURSOR)
        if written != _to_json(before):
            # the units of another comparison
            writes.add("DEL", units_key)
        writes.add("HSET", key, _CURSOR, _to_json(after), _SUMS, json.dumps(asdict(comparison)))
        changed = [part for name, unit in units.items() for part in (name, json.dumps(unit))]
        for first in range(0, len(changed), 2 * _CHUNK):
            writes.add("HSET", units_key, *changed[first : first + 2 * _CHUNK])
        return await writes.commit(self._client)

    async def forget_units(self) -> None:
        """Delete the units of a rollout that has ended: they can be many."""
        await self._client.delete(self._streams.rollout_units)

    async def _written_cursor(self) -> str:
        stored: Any = await self._client.hget(self._streams.rollout_comparison, _CURSOR)
        return stored.decode() if stored else ""


def _to_json(cursor: ComparisonCursor) -> str:
    return json.dumps(cursor)


def _parse_cursor(stored: bytes | str) -> ComparisonCursor:
    rollout, is_paired, start, shadows, predictions, phase_ms = json.loads(stored)
    return ComparisonCursor(rollout, is_paired, start, tuple(shadows), tuple(predictions), phase_ms)


def _moved(ids: tuple[str, ...], shard: int, start: str, entry_id: str) -> tuple[str, ...]:
    padded = [*ids, *[start] * (shard + 1 - len(ids))]
    padded[shard] = entry_id
    return tuple(padded)


def _parse(stored: bytes) -> RolloutComparison:
    sums = json.loads(stored)
    moments = {name: Moments(*sums[name]) for name in ("difference", "champion", "challenger")}
    groups = {name: Labelled(*counts) for name, counts in sums["groups"].items()}
    segments = {part: SegmentLosses(**losses) for part, losses in sums["segments"].items()}
    return RolloutComparison(
        outcomes=sums["outcomes"], pairs=sums["pairs"], groups=groups, segments=segments, **moments
    )


def _parse_unit(stored: bytes) -> OutcomeUnit:
    champion, challenger, value = json.loads(stored)
    return OutcomeUnit(tuple(champion), tuple(challenger), value)
