"""Draws the day: what came, how many consumers ran, what each used, and how long events waited."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from benchmarks.scale.day import Day

_STEP_S = 120


def plot_days(days: Sequence[Day], file: Path) -> None:
    """Draw days as SVG, the same bytes for the same figures: the largest value of each two minutes."""
    mpl.rcParams["svg.hashsalt"] = "scale"
    figure = Figure(figsize=(8, 7), layout="constrained")
    rate, consumers, cpu, wait = figure.subplots(4, sharex=True)
    rate.plot(*_thinned(days[0].load), color="black", linewidth=0.8)
    rate.set(ylabel="events/s")
    for day in days:
        consumers.step(*_thinned(day.consumers), where="post", label=day.name, linewidth=0.9)
        cpu.plot(*_thinned(day.cpu), linewidth=0.9)
        wait.plot(*_thinned(np.maximum(day.waits_s, 0.1)), linewidth=0.9)
    consumers.set(ylabel="consumers")
    figure.legend(*consumers.get_legend_handles_labels(), fontsize=8, loc="outside upper center", ncols=len(days))
    cpu.set(ylabel="cores of each", ylim=(0, 1.05))
    wait.set(ylabel="wait, s", yscale="log", xlabel="hour of the day", xlim=(0, 24))
    figure.savefig(file, format="svg", metadata={"Date": None})


def _thinned(values: NDArray[np.float64] | NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    parts = np.asarray(values, float).reshape(-1, _STEP_S)
    return np.arange(len(parts)) * _STEP_S / 3600, parts.max(axis=1)
