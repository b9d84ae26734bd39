"""Runs the simulation (``make sim-scale``), and writes its tables as Markdown and a plot for docs/scale.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.scale.autoscalers import autoscalers
from benchmarks.scale.costs import read_costs
from benchmarks.scale.day import Day, cpu_table, day_table, load_of_a_day, simulate_day
from benchmarks.scale.growth import growth_table
from benchmarks.scale.plot import plot_days

SEED = 2026
FEATURES = 200
"""Of the model of the day, one consumer of which does not suffice; the page has its cost."""
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/benchmarks-faster-cores.md"
"""The page with the costs."""


def simulate_days(page: str, seed: int) -> list[Day]:
    """The same day under every way of scaling."""
    costs, load = read_costs(page, FEATURES), load_of_a_day(seed)
    return [simulate_day(costs, load, scaler) for scaler in autoscalers(ROOT / "deploy/kubernetes")]


def write_tables(page: str, days: list[Day]) -> Iterator[str]:
    """All tables, with an empty line between them."""
    yield from growth_table(read_costs(page))
    yield ""
    yield from cpu_table(read_costs(page, FEATURES))
    yield ""
    yield from day_table(days)


def main() -> None:
    """Write tables to standard output, and the plot to a file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED, help="of the day's load")
    parser.add_argument("--plot", type=Path, default=ROOT / "docs/scale-day.svg", help="file of the plot")
    options = parser.parse_args()
    page = PAGE.read_text(encoding="utf-8")
    days = simulate_days(page, options.seed)
    sys.stdout.writelines(f"{line}\n" for line in write_tables(page, days))
    plot_days(days, options.plot)


if __name__ == "__main__":
    main()
