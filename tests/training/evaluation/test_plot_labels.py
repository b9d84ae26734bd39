"""Names of classes and columns as text in plots."""

from __future__ import annotations

from training.evaluation.canvas import axes, label


def test_a_name_is_cut_and_never_read_as_a_formula() -> None:
    assert label("area") == "area"
    assert len(label("x" * 300)) == 28
    figure, plot = axes("title", "x", "y")
    plot.set_xticks(range(2), [label(r"$5-$10 \\frac"), label("a$b_{$")])
    figure.canvas.draw()
