"""Indexes the predictions of the last hours in Redis by the listing's identity, so that outcomes find them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec
import redis.asyncio

from monitoring.outcomes.guarded_writes import GuardedWrites
from monitoring.outcomes.sums import FAST, PREDICTED, TIMED, sum_field
from schemas.quality import ALL, ARM_PREFIX, VERSION_PREFIX
from schemas.rollouts import ArmName
from schemas.sections import OutcomeSettings
from schemas.shards import entry_name
from schemas.streams import DATA_FIELD, Streams
from transport.entries import EntryId

CHUNK = 1000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
KEPT_DAYS = 32
"""How long sums and joined outcomes are kept: the longest span, and the current day."""
_KEPT_HOURS = 26


class _Stamp(msgspec.Struct):
    version: str
    arm: ArmName | None = None


class _Data(msgspec.Struct):
    listing_id: str
    prediction: float | str
    model: _Stamp
    listing_source: str = ""
    stored: dict[str, float | str] | None = None
    interval: list[float] | None = None
    candidates: list[str] | None = None
    coverage: float | None = None


class _Prediction(msgspec.Struct):
    id: str
    data: _Data


@dataclass(frozen=True, slots=True)
class IndexedPrediction:
    """A prediction that an outcome can be joined with.

    Attributes:
        entry: name of the listing's entry (`schemas.shards.entry_name`).
        at_ms: time of the prediction, in milliseconds of Redis's clock.
        prediction: in the target's unit, or a class name.
        version: version of the model.
        features: features of the listing; None if only the listing itself has them.
        stored: features that the listing itself lacked, which were taken from the store; None if there are none.
        held: its interval, or the classes of its prediction set; None if it has none.
        promised: the coverage of that.
        arm: to which a rollout assigned the listing; None without one.
    """

    entry: str
    at_ms: int
    prediction: float | str
    version: str
    features: Mapping[str, object] | None = None
    stored: Mapping[str, object] | None = None
    held: Sequence[float] | Sequence[str] | None = None
    promised: float | None = None
    arm: ArmName | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of quality that count it whatever its features: all, its version, and its arm of a rollout."""
        return ALL, f"{VERSION_PREFIX}{self.version}", *([f"{ARM_PREFIX}{self.arm}"] if self.arm else ())


def identity_of(source: str, listing_id: str) -> str:
    """A listing's identity as a key of the index."""
    return f"{source}\n{listing_id}"


class PredictionIndex:
    """The index of one domain. Several monitors may fill it: each skips what another has indexed.

    Args:
        client: replies must be bytes.
        streams: the domain's keys.
        settings: how long predictions stay indexed, and which latency counts as fast.

    Attributes:
        shards: whose predictions are indexed; one until others are set.
    """

    def __init__(self, client: redis.asyncio.Redis, streams: Streams, settings: OutcomeSettings) -> None:
        self._client = client
        self._streams = streams
        self._settings = settings
        self.shards: Sequence[Streams] = (streams,)
        self._decoder = msgspec.json.Decoder(_Prediction)

    async def cursors(self) -> dict[str, str]:
        """By the key of each shard's cursor, the entry id up to which predictions are indexed; "" before the first."""
        return {shard.outcomes_cursor: await self._cursor(shard) for shard in self.shards}

    async def index_next(self, now_ms: int) -> list[str] | None:
        """Index and count the next predictions of each shard; returns their identities, or None if there are no more.

        Raises:
            redis.exceptions.RedisError: as the server answered.
        """
        of_shards = [await self._index_shard(shard, now_ms) for shard in self.shards]
        found = [identities for identities in of_shards if identities is not None]
        return list(chain.from_iterable(found)) if found else None

    async def _cursor(self, shard: Streams) -> str:
        stored: Any = await self._client.get(shard.outcomes_cursor)
        return stored.decode() if stored else ""

    async def _index_shard(self, shard: Streams, now_ms: int) -> list[str] | None:
        cursor = await self._cursor(shard)
        entries: Any = await self._client.xrange(shard.predictions, f"({cursor}" if cursor else "-", count=CHUNK)
        if not entries:
            return None
        writes = GuardedWrites()
        writes.guard(shard.outcomes_cursor, cursor)
        writes.add("SET", shard.outcomes_cursor, entries[-1][0].decode())
        predictions = [self._decode(shard.shard, entry_id, fields) for entry_id, fields in entries]
        self._add_to_index(writes, predictions, now_ms)
        self._add_to_sums(writes, predictions)
        is_written = await writes.commit(self._client)
        return [identity for identity, _ in predictions] if is_written else []

    async def find(self, identities: Sequence[str], now_ms: int) -> dict[str, IndexedPrediction]:
        """The newest indexed prediction of each identity that has one."""
        hours = range(now_ms // HOUR_MS - self._settings.hot_hours, now_ms // HOUR_MS + 1)
        predictions: dict[str, IndexedPrediction] = {}
        async with self._client.pipeline(transaction=False) as pipeline:
            for hour in hours:
                pipeline.hmget(self._streams.recent_predictions(hour), list(identities))
            replies: Any = await pipeline.execute()
        for reply in replies:
            for identity, stored in zip(identities, reply, strict=True):
                if stored is not None:
                    predictions[identity] = IndexedPrediction(*msgspec.json.decode(stored))
        return predictions

    def _decode(self, shard: int, entry_id: bytes, fields: Mapping[bytes, bytes]) -> tuple[str, IndexedPrediction]:
        event = self._decoder.decode(fields[DATA_FIELD])
        data, at_ms = event.data, EntryId.parse(entry_id).ms
        held = data.candidates if data.interval is None else data.interval
        stamp, stored = data.model, data.stored or None
        prediction = IndexedPrediction(
            entry_name(shard, event.id),
            at_ms,
            data.prediction,
            stamp.version,
            None,
            stored,
            held,
            data.coverage,
            stamp.arm,
        )
        return identity_of(data.listing_source, data.listing_id), prediction

    def _add_to_index(
        self, writes: GuardedWrites, predictions: Iterable[tuple[str, IndexedPrediction]], now_ms: int
    ) -> None:
        oldest = now_ms // HOUR_MS - self._settings.hot_hours
        by_hour: dict[int, list[str]] = {}
        for identity, each in predictions:
            if (hour := each.at_ms // HOUR_MS) >= oldest:
                whole = (each.entry, each.at_ms, each.prediction, each.version)
                # what most predictions lack takes no memory
                more = [None, each.stored, each.held, each.promised, each.arm]
                while more and more[-1] is None:
                    more.pop()
                record = msgspec.json.encode((*whole, *more)).decode()
                by_hour.setdefault(hour, []).extend((identity, record))
        for hour, pairs in by_hour.items():
            key = self._streams.recent_predictions(hour)
            writes.add("HSET", key, *pairs)
            writes.add("PEXPIREAT", key, str((hour + self._settings.hot_hours + 2) * HOUR_MS))

    def _add_to_sums(self, writes: GuardedWrites, predictions: Iterable[tuple[str, IndexedPrediction]]) -> None:
        counts: Counter[tuple[int, str]] = Counter()
        for _, each in predictions:
            age_ms = EntryId.of_name(each.entry).age_ms(each.at_ms)
            names = [PREDICTED] if age_ms is None else [PREDICTED, TIMED]
            names += [FAST] if age_ms is not None and age_ms <= self._settings.fast_ms else []
            for part in each.parts:
                for name in names:
                    counts[each.at_ms // HOUR_MS, sum_field(part, name)] += 1
        for (hour, field), count in counts.items():
            add_to_sums(writes, self._streams, hour, {field: count})


def add_to_sums(writes: GuardedWrites, streams: Streams, hour: int, amounts: Mapping[str, float]) -> None:
    """Add amounts by field ``part|sum`` to the sums of an hour, counted since 1970, and of its day."""
    day = hour // 24
    for key, end_hour in (
        (streams.quality_of_hour(hour), hour + _KEPT_HOURS),
        (streams.quality_of_day(day), (day + KEPT_DAYS) * 24),
    ):
        for field, amount in amounts.items():
            writes.add("HINCRBYFLOAT", key, field, repr(float(amount)))
        writes.add("PEXPIREAT", key, str(end_hour * HOUR_MS))
