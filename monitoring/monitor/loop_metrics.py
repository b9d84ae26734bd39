"""Prometheus metrics of the retraining loop."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge


class LoopMetrics:
    """The metrics of one monitor's retraining loop.

    Args:
        registry: where the metrics are registered (`service.metrics.build_registry`).
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._paused = Gauge(
            "tasador_loop_paused", "Whether an operator has paused the retraining loop: 0 or 1", registry=registry
        )

    def record(self, *, is_paused: bool) -> None:
        """Show whether the loop is paused."""
        self._paused.set(is_paused)
