"""A simulation of the alarm on lost coverage: how often it is false, and how soon it finds noise that has doubled."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from monitoring.outcomes.coverage import FEWEST, WINDOW, recent_coverage, record_of
from registry.calibration import NumberCalibration
from schemas.domain import load_domain
from training.learning.conformal import calibrate

COVERAGE = 0.9
_EVERY = 10
"""Outcomes between two looks at a stream."""


def share_of_alarms(noise: float, rows: int, windows: int = 1000) -> float:
    """Share of windows of 200 outcomes that raise the alarm.

    Args:
        noise: of the outcomes; that of the calibration rows is 1.
        rows: of the calibration, which is another for each window.
        windows: how many.
    """
    rng = np.random.default_rng([round(10 * noise), rows])
    alarms = [_is_lost(_covered(rng, _calibration(rng, rows), noise, WINDOW), rows) for _ in range(windows)]
    return float(np.mean(alarms))


def share_of_streams(rows: int, outcomes: int, streams: int = 200) -> float:
    """Share of streams without a change that raise the alarm at least once, looked at after every ten outcomes."""
    rng = np.random.default_rng([1, rows, outcomes])
    return float(
        np.mean([any(_looks(_covered(rng, _calibration(rng, rows), 1.0, outcomes), rows)) for _ in range(streams)])
    )


def outcomes_to_find(noise: float, rows: int, streams: int = 200) -> NDArray[np.float64]:
    """Outcomes after a change of the noise until the alarm, of each stream; infinite if it takes more than 200.

    Before the change the window is full of outcomes with the noise of the calibration.
    """
    rng = np.random.default_rng([2, round(10 * noise), rows])
    found = np.full(streams, np.inf)
    for number in range(streams):
        calibration = _calibration(rng, rows)
        before, after = (_covered(rng, calibration, each, WINDOW) for each in (1.0, noise))
        for count in range(_EVERY, WINDOW + 1, _EVERY):
            if _is_lost(np.concatenate([before[count:], after[:count]]), rows):
                found[number] = count
                break
    return found


def _calibration(rng: np.random.Generator, rows: int) -> NumberCalibration:
    predictions = rng.uniform(5, 50, rows)
    truth = predictions + rng.standard_normal(rows)
    calibration = calibrate(load_domain("housing"), predictions, truth, COVERAGE)
    if not isinstance(calibration, NumberCalibration):
        raise TypeError("too few rows for intervals")
    return calibration


def _covered(
    rng: np.random.Generator, calibration: NumberCalibration, noise: float, outcomes: int
) -> NDArray[np.bool_]:
    predictions = rng.uniform(5, 50, outcomes)
    low, high = calibration.intervals(predictions).T
    truth = predictions + noise * rng.standard_normal(outcomes)
    covered: NDArray[np.bool_] = (low <= truth) & (truth <= high)
    return covered


def _looks(covered: NDArray[np.bool_], rows: int) -> Iterator[bool]:
    return (_is_lost(covered[max(end - WINDOW, 0) : end], rows) for end in range(FEWEST, len(covered) + 1, _EVERY))


def _is_lost(covered: NDArray[np.bool_], rows: int) -> bool:
    """Whether outcomes, oldest first, raise the alarm."""
    records = [record_of("7", covered=bool(each)) for each in covered[::-1]]
    recent = recent_coverage(records, "7", COVERAGE, rows)
    return recent is not None and recent.is_lost
