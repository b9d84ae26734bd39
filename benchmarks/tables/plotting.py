"""The plot of the panel: our loss as a ratio of the others', table by table."""

from __future__ import annotations

from pathlib import Path

from benchmarks.tables.panel import Half
from benchmarks.tables.report import TablesReport

_WIDTH_INCHES, _ROW_INCHES = 7.0, 0.3


def write_plot(report: TablesReport, path: Path) -> Path | None:
    """Draw the ratios as an SVG file; None if ours was compared with nobody."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    halves: tuple[Half, ...] = ("development", "kept")
    drawn = {half: [t for t in report.of_half(half) if t.against_library or t.against_flaml] for half in halves}
    shown = [half for half in halves if drawn[half]]
    if not shown:
        return None
    heights = [1 + len(drawn[half]) for half in shown]
    figure, rows = plt.subplots(
        len(shown),
        figsize=(_WIDTH_INCHES, 1 + _ROW_INCHES * sum(heights)),
        height_ratios=heights,
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for half, axes in zip(shown, rows[:, 0], strict=True):
        names = [standing.facts.name for standing in drawn[half]]
        for label, marker, ratios in (
            ("better library default", "o", [standing.against_library for standing in drawn[half]]),
            ("FLAML", "x", [standing.against_flaml for standing in drawn[half]]),
        ):
            pairs = [(ratio, name) for ratio, name in zip(ratios, names, strict=True) if ratio is not None]
            axes.scatter([ratio for ratio, _ in pairs], [name for _, name in pairs], marker=marker, label=label)
        axes.axvline(1.0, color="grey", linestyle="--")
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_title(half)
    figure.legend(*rows[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    rows[-1, 0].set_xlabel("our loss / the other's, median of outer folds")
    figure.savefig(path)
    plt.close(figure)
    return path
