"""Throughput: what all rounds of drains together say, and whether it is enough."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from pydantic import BaseModel, ConfigDict, computed_field

from benchmarks.contenders import BARE, FASTSTREAM, LEAN, NO_DEDUPLICATION, NO_METRICS, NO_WINDOW, TASADOR
from benchmarks.drain import Drain
from benchmarks.targets import TARGETS, floor_of
from benchmarks.use import Use

COMPARED = (BARE, FASTSTREAM, NO_WINDOW, NO_METRICS, NO_DEDUPLICATION, LEAN)
"""Beside whom the consumer's rate is put."""


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


class Usage(BaseModel):
    """One process over all rounds; see `benchmarks.use.Use` for the figures.

    Attributes:
        cpu_s: processor time for all listings of a round.
        peak_bytes: the most in any round; so with `used_bytes`.
    """

    model_config = ConfigDict(frozen=True)

    title: str
    cpu_us: Spread
    cpu_s: Spread
    peak_bytes: int
    used_bytes: int | None


class Standing(BaseModel):
    """One contender over all rounds; see `Drain` for the figures."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    listings: int
    events_per_s: Spread
    processes: tuple[Usage, ...]
    redis: Usage


class Ratio(BaseModel):
    """The consumer's rate over another's in the same round.

    Attributes:
        against: the other's name.
        title: what it is, for a person.
        times: over the rounds; the median counts.
        target: what it is to reach, if anything is asked for (`benchmarks.targets`).
        floor: below what a run ends with 1: the target, or in a small run a share of it.
    """

    model_config = ConfigDict(frozen=True)

    against: str
    title: str
    times: Spread
    target: float | None = None
    floor: float | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def is_reached(self) -> bool:
        """Whether the target is reached."""
        return self.times.median >= (self.target or 0.0)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def is_enough(self) -> bool:
        """Whether it is above the floor."""
        return self.times.median >= (self.floor or 0.0)


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
        """Whether no ratio is below its floor."""
        return all(ratio.is_enough for ratio in self.ratios)


def sum_up(
    titles: dict[str, str], payload_bytes: float, drains: Sequence[Drain], *, is_quick: bool = False
) -> Throughput:
    """Put the rounds together.

    Args:
        titles: by contender's name, in the order of the report.
        payload_bytes: of a listing, on average.
        drains: of all rounds.
        is_quick: whether the run is a small one, of which less is asked.
    """
    longest = max(drain.listings for drain in drains)
    return Throughput(
        rounds=max(drain.round for drain in drains),
        payload_bytes=payload_bytes,
        # a few thousand listings are published before a rate settles
        published_per_s=Spread.of(drain.published_per_s for drain in drains if drain.listings == longest),
        standings=tuple(_standing(name, title, _of(name, drains)) for name, title in titles.items()),
        ratios=tuple(
            _ratio(name, title, drains, is_quick=is_quick) for name, title in titles.items() if name in COMPARED
        ),
        drains=tuple(drains),
    )


def _of(name: str, drains: Sequence[Drain]) -> list[Drain]:
    return sorted((drain for drain in drains if drain.contender == name), key=lambda drain: drain.round)


def _standing(name: str, title: str, drains: Sequence[Drain]) -> Standing:
    listings = drains[0].listings
    return Standing(
        name=name,
        title=title,
        listings=listings,
        events_per_s=Spread.of(drain.events_per_s for drain in drains),
        processes=tuple(_usage(uses, listings) for uses in zip(*(drain.processes for drain in drains), strict=True)),
        redis=_usage([drain.redis for drain in drains], listings),
    )


def _usage(uses: Sequence[Use], listings: int) -> Usage:
    counted = [use.used_bytes for use in uses if use.used_bytes is not None]
    return Usage(
        title=uses[0].title,
        cpu_us=Spread.of(use.cpu_us for use in uses),
        cpu_s=Spread.of(use.cpu_us * listings / 1e6 for use in uses),
        peak_bytes=max(use.peak_bytes for use in uses),
        used_bytes=max(counted, default=None),
    )


def _ratio(against: str, title: str, drains: Sequence[Drain], *, is_quick: bool) -> Ratio:
    pairs = zip(_of(TASADOR, drains), _of(against, drains), strict=True)
    times = Spread.of(ours.events_per_s / theirs.events_per_s for ours, theirs in pairs)
    floor = floor_of(against, is_quick=is_quick)
    return Ratio(against=against, title=title, times=times, target=TARGETS.get(against), floor=floor)
