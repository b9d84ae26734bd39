"""How often drift verdicts on categories and classes are wrong: windows from a synthetic population of obesity rows.

Run it with ``python -m benchmarks.class_drift``; docs/drift.md quotes the figures. A trial is a new random reference
and three windows, as in `benchmarks.drift`. The population has as many rows as the published table; each category is
about half as frequent as the one before it, and a column of classes serves as predictions.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from benchmarks.drift import HEAD, DrawWindow, Simulation
from monitoring.drift.columns import Column, answer_column, feature_columns
from schemas.domain import Domain, load_domain
from schemas.rows import Matrix
from tasador.bench.drift_cost import SEED

ROWS = 2111
MOVED_SHARE = 0.3
TRIALS = 334
MOVE_TRIALS = 100
SIZES = (200, 1000, 10_000)


class ClassSimulation(Simulation):
    """Trials over a population whose last column holds predicted classes."""

    def columns_of(self, rows: Matrix) -> list[Column]:
        """The features, and the classes as predictions."""
        domain = self.domain
        return [*feature_columns(domain, rows[:, :-1]), answer_column(domain, "prediction", rows[:, -1])]

    def moved(self, column: int) -> DrawWindow:
        """Rows of the population in which a random share has the rarest value of one column."""
        rarest = self.rows[:, column].max()

        def draw(rng: np.random.Generator, held_out: NDArray[np.int64], size: int) -> Matrix:
            rows = self.from_population(rng, held_out, size).copy()
            rows[rng.random(size) < MOVED_SHARE, column] = rarest
            return rows

        return draw


def population() -> tuple[Domain, Matrix]:
    """The domain and its rows, (2111, 17): numbers between their limits, categories and classes as their codes."""
    domain = load_domain("obesity")
    rng = np.random.default_rng(SEED)
    counts = [len(feature.categories) for feature in domain.features]
    columns = [
        _codes(rng, count) if count else rng.uniform(feature.ge or 0, feature.le or 1, ROWS)
        for count, feature in zip(counts, domain.features, strict=True)
    ]
    return domain, np.column_stack([*columns, _codes(rng, len(domain.target.classes))])


def _codes(rng: np.random.Generator, categories: int) -> NDArray[np.float64]:
    shares = 0.5 ** np.arange(categories)
    return rng.choice(categories, ROWS, p=shares / shares.sum()).astype(np.float64)


def tables(trials: int = TRIALS, move_trials: int = MOVE_TRIALS) -> Iterator[str]:
    """The figures, as lines of Markdown."""
    domain, rows = population()
    simulation = ClassSimulation(domain, rows)
    yield f"| windows drawn from {HEAD}"
    for size in SIZES:
        yield f"| the population | {size:,} | {simulation.run(simulation.from_population, size, trials)} |"
    yield f"\n| {MOVED_SHARE:.0%} moved to the rarest value {HEAD}"
    names = [*domain.columns, "prediction"]
    for number, column in enumerate(simulation.columns_of(rows)):
        if column.categories:
            rate = simulation.run(simulation.moved(number), 1000, move_trials, number)
            yield f"| {names[number]} | 1,000 | {rate} |"


if __name__ == "__main__":
    from tasador.cli.terminal import print_line

    for line in tables():
        print_line(line)
