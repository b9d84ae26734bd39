"""The product's consumer with some of its parts taken out, so that the difference is what they cost.

Nothing else is changed. Without the window no rows are packed, sent or written; without metrics nothing is counted or
timed for Prometheus, and the page is still served. Deduplication is a setting, and so not taken out here.
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
"""Methods of `ConsumerMetrics` that count, time and set."""


_SCORING: Any = batch_scorer


def _drop_window() -> None:
    # without rows the commit's script writes no entry
    _SCORING.pack_rows = lambda *_: b""


def _drop_metrics() -> None:
    def nothing(*_: Any, **__: Any) -> None:
        """Count nothing."""

    def none(*_: Any) -> dict[str, int]:
        """No counts, for nobody to read."""
        return {}

    for name in RECORDING:
        setattr(ConsumerMetrics, name, nothing)
    _SCORING.Counter = none
    _SCORING.BatchScorer._kinds = none  # noqa: SLF001 - there is no such switch, and there shall be none


PARTS: Mapping[str, Callable[[], None]] = {"window": _drop_window, "metrics": _drop_metrics}
"""By name, what takes a part out."""


def main() -> None:
    """Answer listings until SIGTERM: the settings are in the environment, the arguments name the parts."""
    for part in sys.argv[1:]:
        PARTS[part]()
    run_consumer(load_settings(), "benchmark", 0)


if __name__ == "__main__":
    main()
