"""Adds mature predictions of a rollout to its comparison: those with an outcome, and those that have none.

A prediction is mature once it is older than `rollout.mature_h`, by when its outcome is known if it ever will be. What
arrives earlier is not looked at, because outcomes that come fast need not be like those that come late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import redis.asyncio

from monitoring.outcomes.prediction_index import HOUR_MS
from monitoring.outcomes.progress import joined_until_ms
from monitoring.rollouts.answer_cohort import AnswerCohort
from monitoring.rollouts.arm_answers import read_answers
from monitoring.rollouts.comparison import OutcomeUnit, RolloutComparison
from monitoring.rollouts.comparison_store import ComparisonCursor, ComparisonStore
from monitoring.rollouts.joined_outcomes import find_outcomes
from monitoring.rollouts.pair_cohort import PairCohort
from monitoring.rollouts.phases import read_phases
from schemas.domain import Domain
from schemas.rollouts import DesiredRollout
from schemas.streams import Streams
from transport.entries import EntryId
from transport.watched_shards import WatchedShardsAsync

_BATCHES = 10
_PREDICTIONS = 1000
_ROUNDS = 100


class MatureOutcomes:
    """The mature outcomes of one domain's rollout.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        domain: the domain.
        mature_h: age from which a prediction counts, in hours.

    Attributes:
        cut_points: of the champion's answers into fifths, from its reference; empty before they are known, and for
            classes.
        shortage: why pairs are gone before they count, after `advance`; None while they are not.
    """

    def __init__(self, client: redis.asyncio.Redis, streams: Streams, domain: Domain, mature_h: float) -> None:
        self._client = client
        self._streams = streams
        self._domain = domain
        self._mature_ms = mature_h * HOUR_MS
        self._store = ComparisonStore(client, streams)
        self._shards = WatchedShardsAsync(client, streams)
        self.cut_points: Sequence[float] = ()
        self.shortage: str | None = None

    async def advance(self, rollout: DesiredRollout, now_ms: int) -> RolloutComparison:
        """The comparison of a rollout after what has become mature; of very much at once, the next call reads the rest.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        # what monitors have not joined yet must not count as missing
        shards = await self._shards.read()
        known_ms = await joined_until_ms(self._client, shards, now_ms)
        last = str(int(known_ms - self._mature_ms))
        cursor, comparison = await self._store.load(rollout)
        for _ in range(_ROUNDS):
            before = cursor
            for shard in shards:
                after, units = await self._read_pairs(shard, cursor, comparison, last)
                if after == cursor:
                    after, units = await self._read_answers(shard, rollout, cursor, comparison, last)
                if after == cursor:
                    continue
                if await self._store.save(cursor, after, comparison, units):
                    cursor = after
                else:
                    # another monitor was faster
                    cursor, comparison = await self._store.load(rollout)
            if cursor == before:
                break
        self.shortage = await self._find_shortage(shards, cursor, now_ms)
        return comparison

    async def end(self) -> None:
        """Free the memory that a rollout took which has ended; its sums stay."""
        await self._store.forget_units()

    async def _find_shortage(self, shards: Sequence[Streams], cursor: ComparisonCursor, now_ms: int) -> str | None:
        """Why pairs are trimmed before they are mature: the oldest that is left was not read and is too young."""
        for shard in shards if cursor.is_paired else ():
            oldest: Any = await self._client.xrange(shard.shadows, count=1)
            if not oldest or EntryId.parse(oldest[0][0]) <= EntryId.parse(cursor.shadow_of(shard.shard)):
                continue
            age_ms = now_ms - EntryId.parse(oldest[0][0]).ms
            if age_ms < self._mature_ms and int(await self._client.hget(shard.progress, "pairs_trimmed") or 0):
                mature_h = self._mature_ms / HOUR_MS
                return (
                    f"pairs are trimmed after {age_ms / HOUR_MS:.1f} h, and count from {mature_h:g} h on: raise "
                    "rollout.pairs_kept, or lower rollout.mature_h or the share"
                )
        return None

    async def _read_pairs(
        self, shard: Streams, cursor: ComparisonCursor, comparison: RolloutComparison, last: str
    ) -> tuple[ComparisonCursor, Mapping[str, OutcomeUnit]]:
        if not cursor.is_paired:
            return cursor, {}
        entries: Any = await self._client.xrange(shard.shadows, f"({cursor.shadow_of(shard.shard)}", last, _BATCHES)
        if not entries:
            return cursor, {}
        cohort = PairCohort(self._domain, entries, cursor.rollout, self.cut_points, shard.shard)
        outcomes = await find_outcomes(self._client, self._streams, cohort.predicted)
        units = await self._store.units(cohort.unit_names, cursor)
        cohort.add_to(comparison, units, outcomes)
        return cursor.after_shadow(shard.shard, entries[-1][0].decode()), units

    async def _read_answers(
        self,
        shard: Streams,
        rollout: DesiredRollout,
        cursor: ComparisonCursor,
        comparison: RolloutComparison,
        last: str,
    ) -> tuple[ComparisonCursor, Mapping[str, OutcomeUnit]]:
        """Read what the arms answered, to compare their shares of outcomes, and their losses if there are no pairs."""
        if rollout.mode == "shadow":
            return cursor, {}
        after = f"({cursor.prediction_of(shard.shard)}"
        entries: Any = await self._client.xrange(shard.predictions, after, last, _PREDICTIONS)
        if not entries:
            return cursor, {}
        phases = await read_phases(self._client, self._streams, rollout)
        answers = read_answers(entries, rollout.id, shard.shard)
        cohort = AnswerCohort(self._domain, answers, phases, is_compared=not cursor.is_paired)
        outcomes = await find_outcomes(self._client, self._streams, cohort.predicted)
        units = await self._store.units(cohort.unit_names, cursor)
        phase_ms = cohort.add_to(comparison, units, outcomes, cursor.phase_ms)
        moved = cursor.after_prediction(shard.shard, entries[-1][0].decode())
        return moved._replace(phase_ms=phase_ms), units
