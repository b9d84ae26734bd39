"""Joins outcomes with their predictions, in whatever order they arrive, and adds up the quality of predictions."""
