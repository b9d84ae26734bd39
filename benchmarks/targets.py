"""What the figures must reach; it is said here and nowhere else."""

from __future__ import annotations

TARGETS = {"bare": 0.5, "faststream": 40.0, "no_window": 0.95, "no_metrics": 0.97}
"""By contender: how many times its rate the consumer's rate must be."""
