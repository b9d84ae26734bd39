"""Draws how false verdicts add up while one looks after every outcome."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from benchmarks.rollouts.looks import MIN_PAIRS, Found
from benchmarks.rollouts.scenarios import OUTCOMES, Case, Simulate
from monitoring.rollouts.sequence import ALPHA

_DRAWN = (
    "pairs, two libraries",
    "20 outcomes a subject, correlation 0.3",
    "dear listings are sold later; better on cheap ones",
)
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c")


def plot_looks(cases: Sequence[Case], runs: int, simulate: Callable[[Simulate, int, int], Found], file: Path) -> None:
    """Draw some cases as SVG, the same bytes for the same figures.

    Args:
        cases: of equally good models.
        runs: of each case.
        simulate: simulates a case with a seed and a number of runs.
        file: to write.
    """
    mpl.rcParams["svg.hashsalt"] = "rollouts"
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    at = np.unique(np.geomspace(MIN_PAIRS, OUTCOMES, 200).astype(int))
    for colour, name in zip(_COLOURS, _DRAWN, strict=True):
        seed, case = next((seed, case) for seed, case in enumerate(cases) if case.name == name)
        axes.plot(at, _shares(simulate(case.verdict, seed, runs), at), color=colour, label=f"{name}: verdict")
        if case.naive is not None:
            shares = _shares(simulate(case.naive, seed, runs), at)
            axes.plot(at, shares, color=colour, linestyle="--", label=f"{name}: {case.naive_name}")
    axes.axhline(ALPHA, color="black", linewidth=0.8)
    axes.annotate("5 %", (MIN_PAIRS, ALPHA), textcoords="offset points", xytext=(0, 3))
    axes.set(xscale="log", ylim=(0, 1), xlabel="outcomes, looked at after each", ylabel="share of false verdicts")
    axes.legend(fontsize=7, loc="upper left")
    figure.savefig(file, format="svg", metadata={"Date": None})


def _shares(found: Found, at: np.ndarray) -> np.ndarray:
    first = np.minimum(found.better, found.worse)
    return np.array([np.mean(first <= number) for number in at])
