"""The product's consumer without its window or metrics, so that the difference in rate is their cost.

Nothing else changes. Without the window no rows are packed, sent or written; without metrics nothing is counted or
timed for Prometheus, and /metrics is still served. Deduplication is switched off by a setting, not here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

from consumer import batch_scorer
from consumer.app import run_consumer
from consumer.metrics import ConsumerMetrics
from schemas.settings import load_settings

RECORDING = ("record_batch", "record_stage", "record_claims", "record_commit_retry", "record_lost", "set_backlog")
"""Methods of `ConsumerMetrics` that record something."""

_SCORING: Any = batch_scorer


def _drop_window() -> None:
    # without rows the commit script writes no entry to the window
    _SCORING.pack_rows = lambda *_: b""


def _drop_metrics() -> None:
    def nothing(*_: Any, **__: Any) -> None:
        """Record nothing."""

    def no_counts(*_: Any) -> dict[str, int]:
        """Return no counts."""
        return {}

    for name in RECORDING:
        setattr(ConsumerMetrics, name, nothing)
    _SCORING.Counter = no_counts
    _SCORING.BatchScorer._kinds = no_counts  # noqa: SLF001 - the product has no such switch


REMOVALS: Mapping[str, Callable[[], None]] = {"window": _drop_window, "metrics": _drop_metrics}
"""By name of a feature, the function that removes it."""


def main() -> None:
    """Run until SIGTERM: the environment holds the settings, the arguments name the features to remove."""
    for feature in sys.argv[1:]:
        REMOVALS[feature]()
    run_consumer(load_settings(), "benchmark", 0)


if __name__ == "__main__":
    main()
