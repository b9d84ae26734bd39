"""How often drift verdicts are wrong: windows drawn from rows whose population is known.

Run it with ``python -m benchmarks.drift``; docs/drift.md quotes the figures. A trial is a new random reference of 404
Boston rows and three windows drawn with replacement: from all 506 rows (no drift by construction, since the reference
is a sample of them), from all rows with one feature shifted, or from the 102 rows that the reference leaves out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from monitoring.drift.columns import Column, feature_columns
from monitoring.drift.report import compare
from schemas.domain import Domain
from schemas.drift import DriftReport, WindowSpan
from schemas.rows import Matrix
from schemas.sections import DriftSettings
from tasador.bench.drift_cost import SEED, boston

REFERENCE_ROWS = 404
WINDOWS = 3
TRIALS = 334
SHIFT_TRIALS = 100
SIZES = (200, 1000, 10_000)
SHIFT_SD = 0.3
HEAD = "| rows | one window alarms (95 % interval) | 2 of 3 alarm |\n|---|---:|---:|---:|"

DrawWindow = Callable[[np.random.Generator, NDArray[np.int64], int], Matrix]


@dataclass(frozen=True, slots=True)
class AlarmRate:
    """How often there was an alarm: in single windows, and in two of three windows of a trial."""

    windows: int
    window_alarms: int
    trials: int
    trial_alarms: int

    def __str__(self) -> str:
        single = binomtest(self.window_alarms, self.windows).proportion_ci(0.95)
        return (
            f"{self.window_alarms / self.windows:.2%} ({single.low:.2%} to {single.high:.2%}) | "
            f"{self.trial_alarms / self.trials:.2%}"
        )


@dataclass(frozen=True)
class Simulation:
    """Trials over the rows of one domain.

    Args:
        domain: of the rows.
        rows: the population.
        seed: of all random draws.
    """

    domain: Domain
    rows: Matrix
    seed: int = SEED

    def run(self, draw: DrawWindow, size: int, trials: int, column: int | None = None) -> AlarmRate:
        """The rate of alarms over trials with windows of one size.

        Args:
            draw: draws a window of `size` rows, given the indices of the rows that the reference leaves out.
            size: rows of a window.
            trials: how many.
            column: the feature whose alarms count; None for any feature.
        """
        rng = np.random.default_rng([self.seed, size, 0 if column is None else column + 1])
        single = persistent = 0
        for _ in range(trials):
            report = self._trial(rng, draw, size)
            counted = report.columns if column is None else (report.columns[column],)
            single += sum(any(drift.alarms[window] for drift in counted) for window in range(WINDOWS))
            persistent += any(drift.verdict == "drift" for drift in counted)
        return AlarmRate(trials * WINDOWS, single, trials, persistent)

    def _trial(self, rng: np.random.Generator, draw: DrawWindow, size: int) -> DriftReport:
        order = rng.permutation(len(self.rows))
        reference = self.columns_of(self.rows[order[:REFERENCE_ROWS]])
        windows = [self.columns_of(draw(rng, order[REFERENCE_ROWS:], size)) for _ in range(WINDOWS)]
        return compare(reference, windows, [WindowSpan(rows=size)] * WINDOWS, DriftSettings())

    def columns_of(self, rows: Matrix) -> list[Column]:
        """The columns that are compared."""
        return feature_columns(self.domain, rows)

    def from_population(self, rng: np.random.Generator, _: NDArray[np.int64], size: int) -> Matrix:
        """Rows of the population, drawn with replacement."""
        return np.take(self.rows, rng.integers(0, len(self.rows), size), axis=0)

    def from_held_out(self, rng: np.random.Generator, held_out: NDArray[np.int64], size: int) -> Matrix:
        """Rows that the reference leaves out, drawn with replacement."""
        return np.take(self.rows, rng.choice(held_out, size), axis=0)

    def shifted(self, column: int) -> DrawWindow:
        """Rows of the population with one feature shifted up by `SHIFT_SD` standard deviations."""
        by = SHIFT_SD * self.rows[:, column].std()

        def draw(rng: np.random.Generator, held_out: NDArray[np.int64], size: int) -> Matrix:
            rows = self.from_population(rng, held_out, size).copy()
            rows[:, column] += by
            return rows

        return draw


def tables(trials: int = TRIALS, shift_trials: int = SHIFT_TRIALS) -> Iterator[str]:
    """The figures, as lines of Markdown."""
    domain, rows = boston()
    simulation = Simulation(domain, rows)
    yield f"| windows drawn from {HEAD}"
    for source, draw in (("the population", simulation.from_population), ("held-out rows", simulation.from_held_out)):
        for size in SIZES:
            yield f"| {source} | {size:,} | {simulation.run(draw, size, trials)} |"
    yield f"\n| shifted by {SHIFT_SD} sd {HEAD}"
    for number, name in enumerate(domain.columns):
        yield f"| {name} | 1,000 | {simulation.run(simulation.shifted(number), 1000, shift_trials, number)} |"


if __name__ == "__main__":
    from tasador.cli.terminal import print_line

    for line in tables():
        print_line(line)
