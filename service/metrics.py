"""The Prometheus registry that each process fills with metrics of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, ProcessCollector, disable_created_metrics


def build_registry() -> CollectorRegistry:
    """An empty registry with the process's own figures (CPU, memory, open files), without ``_created`` series."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry
