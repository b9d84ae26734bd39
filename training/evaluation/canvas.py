"""Size, colours and axes of the plots in a report, drawn without a window or matplotlib's global state."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#2f6f9f", "#d9772b", "#8a8a8a"
WIDTH_INCHES, HEIGHT_INCHES = 6.4, 4.2
DPI = 110
_LONGEST_LABEL = 28


def axes(title: str, x: str, y: str, height_inches: float = HEIGHT_INCHES) -> tuple[Figure, Axes]:
    """An empty plot with a title and labelled axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    plot = figure.add_subplot()
    plot.set(title=title, xlabel=x, ylabel=y)
    plot.spines[["top", "right"]].set_visible(False)
    plot.grid(alpha=0.25)
    return figure, plot


def label(name: str) -> str:
    """The name of a class or column as text in a plot: cut if it is long, and never read as a formula."""
    short = name if len(name) <= _LONGEST_LABEL else f"{name[: _LONGEST_LABEL - 1]}…"
    return short.replace("$", r"\$")
