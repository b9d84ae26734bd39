"""Prometheus metrics of the audit log."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitoring.archive.archiver import ArchiveProgress


class ArchiveMetrics:
    """The metrics of one archiver.

    Args:
        registry: the registry to register them in (`service.metrics.build_registry`).
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        rows = Counter("tasador_archived_rows", "Rows written to the audit log, by kind", ["kind"], registry=registry)
        self._rows = {kind: rows.labels(kind) for kind in ("predictions", "outcomes")}
        self._without = Counter(
            "tasador_archived_without_features_rows", "Predictions archived without their listing", registry=registry
        )
        self._lag = Gauge(
            "tasador_archive_lag_rows", "Predictions that are not in the audit log yet", registry=registry
        )

    def record(self, progress: ArchiveProgress, lag: int) -> None:
        """Count what a round wrote, and set how many predictions are not in the log yet."""
        self._rows["predictions"].inc(progress.predictions)
        self._rows["outcomes"].inc(progress.outcomes)
        self._without.inc(progress.without_features)
        self._lag.set(lag)

    def record_failure(self) -> None:
        """Set the lag to unknown."""
        self._lag.set(float("nan"))
