"""Coverage in production: whether intervals and prediction sets hold the true values as often as they promise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import floor, sqrt

from schemas.quality import RecentCoverage

RANGED, COVERED, WIDTH, PROMISED = "ranged", "covered", "width", "promised"
"""Sums of outcomes with a range: their number, how many are covered, and their widths and promised coverages."""
REMEMBERED = 2000
"""How many outcomes are kept for the search for a loss, of all versions."""
WINDOW, FEWEST = 200, 50
"""How many of the latest outcomes count in that search, and how many it needs."""
_Z = 1.959964
"""Of a normal distribution, for 95 %."""

Range = Sequence[float] | Sequence[str]
"""An interval's ends, or the classes of a prediction set."""


def is_covered(held: Range, outcome: float | str) -> bool:
    """Whether an interval or a prediction set holds an outcome."""
    if isinstance(outcome, str):
        return outcome in held
    low, high = held
    return float(low) <= outcome <= float(high)


def range_contribution(held: Range | None, promised: float | None, outcome: float | str) -> dict[str, float]:
    """The amounts that one outcome adds to the sums of each of its parts; none without a range."""
    if held is None or promised is None:
        return {}
    width = len(held) if isinstance(outcome, str) else float(held[1]) - float(held[0])
    return {RANGED: 1, COVERED: float(is_covered(held, outcome)), WIDTH: width, PROMISED: promised}


def range_figures(sums: Mapping[str, float]) -> dict[str, float | int]:
    """Coverage with its 95 % interval, and mean width, by the fields of `schemas.quality.Quality`."""
    count = round(sums.get(RANGED, 0))
    if not count:
        return {}
    covered = min(max(round(sums.get(COVERED, 0)), 0), count)
    low, high = binomial_interval(covered, count)
    return {
        "ranged": count,
        "coverage": covered / count,
        "coverage_low": low,
        "coverage_high": high,
        "promised": sums[PROMISED] / count,
        "width": sums[WIDTH] / count,
    }


def binomial_interval(successes: int, count: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927), which stays within 0 and 1."""
    share, squared = successes / count, _Z * _Z
    middle = share + squared / (2 * count)
    reach = _Z * sqrt(share * (1 - share) / count + squared / (4 * count * count))
    return max((middle - reach) / (1 + squared / count), 0.0), min((middle + reach) / (1 + squared / count), 1.0)


@lru_cache(4096)
def chance_of(covered: int, outcomes: int, promised: float, rows: int) -> float:
    """The probability that at most so many outcomes are covered, if they are like the calibration rows.

    Given n calibration rows the share that is covered is itself random, so the number is beta-binomial (Vovk 2012,
    "Conditional validity of inductive conformal predictors"): with few rows, coverage varies more than a binomial.

    Args:
        covered: number of covered outcomes.
        outcomes: number of outcomes.
        promised: coverage of the calibration.
        rows: number of its rows.
    """
    from scipy.stats import betabinom

    missed = max(floor((rows + 1) * (1 - promised)), 1)
    return float(betabinom.cdf(covered, outcomes, rows + 1 - missed, missed))


def recent_coverage(records: Sequence[str], version: str, promised: float, rows: int) -> RecentCoverage | None:
    """The coverage of the latest outcomes of one version; None if it has too few.

    Args:
        records: from `record_of`, newest first.
        version: that predicted.
        promised: coverage of its calibration.
        rows: number of rows of its calibration.
    """
    latest = [record for record in records if record[2:] == version][:WINDOW]
    if len(latest) < FEWEST:
        return None
    covered = sum(record[0] == "1" for record in latest)
    return RecentCoverage(
        version=version,
        outcomes=len(latest),
        covered=covered,
        promised=promised,
        chance=chance_of(covered, len(latest), promised, rows),
    )


def record_of(version: str, *, covered: bool) -> str:
    """What is remembered of an outcome."""
    return f"{int(covered)}:{version}"
