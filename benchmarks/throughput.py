"""Throughput: what all rounds of drains together say, and whether it is enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from pydantic import BaseModel, ConfigDict, computed_field

from benchmarks.contenders import TASADOR
from benchmarks.drain import Drain
from benchmarks.targets import TARGETS


class Spread(BaseModel):
    """A figure over all rounds."""

    model_config = ConfigDict(frozen=True)

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """The spread of at least one value."""
        found = list(values)
        return cls(median=median(found), min=min(found), max=max(found))


class Standing(BaseModel):
    """One contender over all rounds; see `Drain` for the figures.

    Attributes:
        cpu_s: processor time for all listings of a round.
        peak_bytes: the most in any round; so with `redis_peak_bytes`.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    listings: int
    events_per_s: Spread
    cpu_us: Spread
    cpu_s: Spread
    peak_bytes: int
    redis_cpu_us: Spread
    redis_cpu_s: Spread
    redis_peak_bytes: int


class Ratio(BaseModel):
    """The consumer's rate over another's in the same round.

    Attributes:
        against: the other's name.
        title: what it is, for a person.
        times: over the rounds; the median counts.
        target: what it must reach.
    """

    model_config = ConfigDict(frozen=True)

    against: str
    title: str
    times: Spread
    target: float

    @computed_field  # type: ignore[prop-decorator]
    @property
    def is_reached(self) -> bool:
        """Whether the target is reached."""
        return self.times.median >= self.target


class Throughput(BaseModel):
    """All drains of a run.

    Attributes:
        rounds: how often everybody drained.
        payload_bytes: of a listing, on average.
        published_per_s: the rate of the product's publisher.
    """

    model_config = ConfigDict(frozen=True)

    rounds: int
    payload_bytes: float
    published_per_s: Spread
    standings: tuple[Standing, ...]
    ratios: tuple[Ratio, ...]
    drains: tuple[Drain, ...]

    @property
    def is_good(self) -> bool:
        """Whether all targets are reached."""
        return all(ratio.is_reached for ratio in self.ratios)


def sum_up(titles: dict[str, str], payload_bytes: float, drains: Sequence[Drain]) -> Throughput:
    """Put the rounds together.

    Args:
        titles: by contender's name, in the order of the report.
        payload_bytes: of a listing, on average.
        drains: of all rounds.
    """
    longest = max(drain.listings for drain in drains)
    return Throughput(
        rounds=max(drain.round for drain in drains),
        payload_bytes=payload_bytes,
        # a few thousand listings are published before a rate settles
        published_per_s=Spread.of(drain.published_per_s for drain in drains if drain.listings == longest),
        standings=tuple(_standing(name, title, _of(name, drains)) for name, title in titles.items()),
        ratios=tuple(_ratio(name, titles[name], drains) for name in TARGETS if name in titles),
        drains=tuple(drains),
    )


def _of(name: str, drains: Sequence[Drain]) -> list[Drain]:
    return sorted((drain for drain in drains if drain.contender == name), key=lambda drain: drain.round)


def _standing(name: str, title: str, drains: Sequence[Drain]) -> Standing:
    return Standing(
        name=name,
        title=title,
        listings=drains[0].listings,
        events_per_s=Spread.of(drain.events_per_s for drain in drains),
        cpu_us=Spread.of(drain.cpu_us for drain in drains),
        cpu_s=Spread.of(drain.cpu_us * drain.listings / 1e6 for drain in drains),
        peak_bytes=max(drain.peak_bytes for drain in drains),
        redis_cpu_us=Spread.of(drain.redis_cpu_us for drain in drains),
        redis_cpu_s=Spread.of(drain.redis_cpu_us * drain.listings / 1e6 for drain in drains),
        redis_peak_bytes=max(drain.redis_peak_bytes for drain in drains),
    )


def _ratio(against: str, title: str, drains: Sequence[Drain]) -> Ratio:
    pairs = zip(_of(TASADOR, drains), _of(against, drains), strict=True)
    times = Spread.of(ours.events_per_s / theirs.events_per_s for ours, theirs in pairs)
    return Ratio(against=against, title=title, times=times, target=TARGETS[against])
