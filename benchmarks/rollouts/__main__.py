"""Runs the simulation (``make sim-rollouts``), and writes its tables as Markdown and a plot for docs/rollouts.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from benchmarks.rollouts.looks import NEVER, Found, join
from benchmarks.rollouts.plot import plot_looks
from benchmarks.rollouts.population import populations
from benchmarks.rollouts.scenarios import OUTCOMES, Case, Simulate, better_challengers, equal_models

SEED = 2026
_CHUNK = 100


def simulate(simulating: Simulate, seed: int, runs: int, outcomes: int = OUTCOMES) -> Found:
    """Run a case in chunks, so that memory stays small; the same for the same seed."""
    rng = np.random.default_rng([SEED, seed])
    return join([simulating(rng, min(_CHUNK, runs - start), outcomes) for start in range(0, runs, _CHUNK)])


def false_verdicts(cases: Iterable[Case], runs: int) -> Iterable[str]:
    """The lines of the table of false verdicts."""
    yield "| equally good models | false verdicts | naively | how |"
    yield "|---|---:|---:|---|"
    for seed, case in enumerate(cases):
        found = simulate(case.verdict, seed, runs)
        naive = f"{simulate(case.naive, seed, runs).any_share:.1%}" if case.naive else ""
        yield f"| {case.name} | {found.any_share:.1%} | {naive} | {case.naive_name} |"


def power(cases: Iterable[Case], runs: int) -> Iterable[str]:
    """The lines of the table of outcomes that it takes to find a better challenger."""
    yield "| challenger | found | outcomes, median | in nine of ten |"
    yield "|---|---:|---:|---:|"
    for seed, case in enumerate(cases):
        found = simulate(case.verdict, 1000 + seed, runs)
        ninth = np.quantile(np.where(found.better < found.worse, found.better, NEVER), 0.9, method="higher")
        late = f"{ninth:,}" if ninth < NEVER else "more"
        median = f"{found.median:,.0f}" if np.isfinite(found.median) else "more"
        yield f"| {case.name} | {found.better_share:.0%} | {median} | {late} |"


def main() -> None:
    """Write tables to standard output, and the plot to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="runs of each case")
    parser.add_argument("--plot", type=Path, default=Path("docs/rollouts-looks.svg"), help="file of the plot")
    options = parser.parse_args()
    first, second = populations()
    cases = equal_models(first, second)
    for lines in (false_verdicts(cases, options.runs), [""], power(better_challengers(first, second), options.runs)):
        for line in lines:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
    plot_looks(cases, options.runs, simulate, options.plot)


if __name__ == "__main__":
    main()
