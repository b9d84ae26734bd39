"""What stored features cost: drains of listings that lack features, beside the drain of whole listings."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from producer import FeatureWriter
from producer.encoding import encode_listing
from producer.samples import SEED, sample_rows
from schemas.domain import Domain
from schemas.frozen_model import FrozenModel
from schemas.stored_features import StoredFeatures
from tasador.bench.contenders.contender import TASADOR, Contender, build_product
from tasador.bench.drain import NOTHING_MORE, DrainResult, Preparation, measure_drain
from tasador.bench.payloads import PUBLISHED_AT, listing_id, payload_builder
from tasador.bench.rig import Rig
from tasador.bench.targets import STORED, floor_of
from tasador.bench.throughput import RateRatio, Spread
from training.progress import Progress

SUBJECTS = 10_000
"""Properties with stored features; listings name them in turn."""


class StoredDrain(FrozenModel):
    """Drains of listings that take features from the store.

    Attributes:
        stored: how many features each listing takes; 0 for whole listings without a subject.
        features: of the domain.
        events_per_s: over all rounds.
        cpu_us: processor time of the consumer for a listing; so is `redis_cpu_us`.
        ratio: its rate divided by that of whole listings in the same round.
    """

    stored: int
    features: int
    events_per_s: Spread
    cpu_us: float
    redis_cpu_us: float
    ratio: RateRatio


def measure_stored(
    rig: Rig, listings: int, rounds: int, progress: Progress, *, is_quick: bool = False
) -> tuple[StoredDrain, ...]:
    """Drain whole listings, and listings of which each lacks three or all features, in each round.

    Args:
        rig: where to measure.
        listings: how many are drained.
        rounds: of drains.
        progress: called with a line after each drain.
        is_quick: whether the floors of a small run apply.

    Raises:
        BenchmarkError: the consumer died, made no progress, or did not answer each listing exactly once.
        RedisUnavailableError: Redis does not answer.
    """
    domain = rig.settings.load_domain()
    whole = payload_builder(domain)
    payloads = {0: [whole(number) for number in range(listings)]}
    payloads |= {stored: _lacking(domain, stored, listings) for stored in STORED}
    drains: dict[int, list[DrainResult]] = {stored: [] for stored in payloads}
    for number in range(1, rounds + 1):
        for stored, each in payloads.items():
            contender, preparation = _contender(stored), _FilledStore(rig, domain) if stored else NOTHING_MORE
            drain = measure_drain(rig, contender, each, number, preparation)
            drains[stored].append(drain)
            progress(f"round {number} of {rounds}: {contender.title}: {drain.events_per_s:,.0f} events/s")
    width = len(domain.columns)
    return tuple(_sum_up(stored, width, each, drains[0], is_quick=is_quick) for stored, each in drains.items())


def _contender(stored: int) -> Contender:
    return Contender(f"stored-{stored}", f"tasador consumer, {stored} stored features") if stored else build_product()


def _lacking(domain: Domain, stored: int, count: int) -> list[bytes]:
    """Listings of which each lacks its last features."""
    columns = domain.columns[: max(len(domain.columns) - stored, 0)]
    rows = [{column: row[column] for column in columns} for row, _ in zip(sample_rows(domain, SEED), range(500))]  # noqa: B905 - endless
    return [
        encode_listing(
            {
                "specversion": "1.0",
                "id": listing_id(number),
                "time": PUBLISHED_AT,
                "subject": _subject(number),
                "data": rows[number % len(rows)],
            }
        )
        for number in range(count)
    ]


def _subject(number: int) -> str:
    return f"property-{number % SUBJECTS:06d}"


class _FilledStore(Preparation):
    def __init__(self, rig: Rig, domain: Domain) -> None:
        self._rig = rig
        self._domain = domain

    def write(self) -> None:
        rows = zip(range(SUBJECTS), sample_rows(self._domain, SEED))  # noqa: B905 - endless
        with FeatureWriter(self._rig.settings) as writer:
            writer.put_many(StoredFeatures(_subject(number), row, None) for number, row in rows)


def _sum_up(
    stored: int, features: int, drains: Sequence[DrainResult], whole: Sequence[DrainResult], *, is_quick: bool
) -> StoredDrain:
    pairs = zip(drains, whole, strict=True)
    target = STORED.get(stored)
    return StoredDrain(
        stored=stored,
        features=features,
        events_per_s=Spread.of(drain.events_per_s for drain in drains),
        cpu_us=median(drain.processes[0].cpu_us for drain in drains),
        redis_cpu_us=median(drain.redis.cpu_us for drain in drains),
        ratio=RateRatio(
            against=TASADOR,
            title="whole listings",
            times=Spread.of(one.events_per_s / other.events_per_s for one, other in pairs),
            target=target,
            floor=floor_of(target, is_quick=is_quick),
        ),
    )
