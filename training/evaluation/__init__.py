"""Evaluation: figures, plots and the report on the winner of a selection."""
