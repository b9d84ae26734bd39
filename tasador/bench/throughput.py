"""Throughput: the drains of all rounds summed up, and whether the ratios reach their targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from pydantic import computed_field

from schemas.frozen_model import FrozenModel
from tasador.bench.contenders.contender import BARE, CHAMPIONS, COMPARED, FASTSTREAM, TASADOR
from tasador.bench.drain import DrainResult
from tasador.bench.targets import TARGETS, floor_of
from tasador.bench.usage import ProcessUsage


class Spread(FrozenModel):
    """Median and extremes of a figure over all rounds."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, figures: Iterable[float]) -> Spread:
        """The spread of at least one figure."""
        values = list(figures)
        return cls(median=median(values), min=min(values), max=max(values))


class UsageSummary(FrozenModel):
    """What one process used over all rounds; see `ProcessUsage` for the figures.

    Attributes:
        cpu_s: processor time for all listings of a round.
        peak_bytes: the largest of all rounds; so is `used_bytes`.
    """

    title: str
    cpu_us: Spread
    cpu_s: Spread
    peak_bytes: int
    used_bytes: int | None


class ContenderStanding(FrozenModel):
    """One contender over all rounds; see `DrainResult` for the figures."""

    name: str
    title: str
    listings: int
    events_per_s: Spread
    processes: tuple[UsageSummary, ...]
    redis: UsageSummary


class RateRatio(FrozenModel):
    """A consumer's rate divided by another contender's of the same round.

    Attributes:
        of: the consumer's title.
        against: the contender's name.
        title: the contender's title.
        times: over the rounds; the median counts.
        target: the ratio to reach; None without a target.
        floor: the ratio below which a run exits with 1: the target, or in a small run a share of it.
    """

    against: str
    title: str
    times: Spread
    of: str = "tasador consumer"
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
        """Whether the ratio is not below its floor."""
        return self.times.median >= (self.floor or 0.0)


class ThroughputReport(FrozenModel):
    """All drains of a run.

    Attributes:
        rounds: how many.
        payload_bytes: average size of a listing.
        published_per_s: the rate of the product's publisher.
    """

    rounds: int
    payload_bytes: float
    published_per_s: Spread
    standings: tuple[ContenderStanding, ...]
    ratios: tuple[RateRatio, ...]
    drains: tuple[DrainResult, ...]

    @property
    def is_good(self) -> bool:
        """Whether no ratio is below its floor."""
        return all(ratio.is_enough for ratio in self.ratios)


def sum_up(
    titles: dict[str, str],
    payload_bytes: float,
    drains: Sequence[DrainResult],
    *,
    is_quick: bool = False,
    targets: Mapping[str, float] = TARGETS,
) -> ThroughputReport:
    """Sum up the drains of all rounds.

    Args:
        titles: by contender's name, in the order of the report.
        payload_bytes: average size of a listing.
        drains: of all rounds.
        is_quick: whether the floors of a small run apply.
        targets: of the ratios, by the contender against which.
    """
    rounds = _Rounds(titles, drains, targets, is_quick)
    most = max(drain.listings for drain in drains)
    return ThroughputReport(
        rounds=max(drain.round for drain in drains),
        payload_bytes=payload_bytes,
        # the publisher reaches its rate only after a few thousand listings
        published_per_s=Spread.of(drain.published_per_s for drain in drains if drain.listings == most),
        standings=tuple(_standing(name, title, _drains_of(name, drains)) for name, title in titles.items()),
        ratios=tuple(rounds.ratios()),
        drains=tuple(drains),
    )


def _drains_of(name: str, drains: Sequence[DrainResult]) -> list[DrainResult]:
    return sorted((drain for drain in drains if drain.contender == name), key=lambda drain: drain.round)


def _standing(name: str, title: str, drains: Sequence[DrainResult]) -> ContenderStanding:
    listings = drains[0].listings
    by_process = zip(*(drain.processes for drain in drains), strict=True)
    return ContenderStanding(
        name=name,
        title=title,
        listings=listings,
        events_per_s=Spread.of(drain.events_per_s for drain in drains),
        processes=tuple(_summary(usages, listings) for usages in by_process),
        redis=_summary([drain.redis for drain in drains], listings),
    )


def _summary(usages: Sequence[ProcessUsage], listings: int) -> UsageSummary:
    return UsageSummary(
        title=usages[0].title,
        cpu_us=Spread.of(usage.cpu_us for usage in usages),
        cpu_s=Spread.of(usage.cpu_us * listings / 1e6 for usage in usages),
        peak_bytes=max(usage.peak_bytes for usage in usages),
        used_bytes=max((usage.used_bytes for usage in usages if usage.used_bytes is not None), default=None),
    )


class _Rounds(NamedTuple):
    titles: Mapping[str, str]
    drains: Sequence[DrainResult]
    targets: Mapping[str, float]
    is_quick: bool

    def ratios(self) -> Iterator[RateRatio]:
        """Of the consumer to all that it is compared with, and of champions to other programs."""
        for name in self.titles:
            if name == TASADOR:
                yield from (self._ratio(name, against) for against in COMPARED if against in self.titles)
            elif name in CHAMPIONS:
                others = (against for against in (BARE, FASTSTREAM) if against in self.titles)
                yield from (self._ratio(name, against) for against in others)

    def _ratio(self, of: str, against: str) -> RateRatio:
        pairs = zip(_drains_of(of, self.drains), _drains_of(against, self.drains), strict=True)
        target = self.targets.get(against)
        return RateRatio(
            against=against,
            title=self.titles[against],
            of=self.titles[of],
            times=Spread.of(ours.events_per_s / theirs.events_per_s for ours, theirs in pairs),
            target=target,
            # a user's own model may be slow
            floor=None if of in CHAMPIONS else floor_of(target, is_quick=self.is_quick),
        )
