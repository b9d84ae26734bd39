"""What all plots of a report share: size, colours, axes. No window opens, no global state of matplotlib is used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREY = "#2f6f9f", "#d9772b", "#8a8a8a"
WIDTH_INCHES, HEIGHT_INCHES = 6.4, 4.2
DPI = 110


def axes(title: str, x: str, y: str, height_inches: float = HEIGHT_INCHES) -> tuple[Figure, Axes]:
    """An empty plot with its title and what its axes mean."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH_INCHES, height_inches), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    found = figure.add_subplot()
    found.set(title=title, xlabel=x, ylabel=y)
    found.spines[["top", "right"]].set_visible(False)
    found.grid(alpha=0.25)
    return figure, found
