"""Prometheus metrics of the newest drift report; unknown values are NaN or absent, never "no drift"."""

from __future__ import annotations

from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge

from schemas.drift import ColumnDrift, DriftReport

VERDICTS = ("no_drift", "drift", "not_enough_rows")
COLUMN_VERDICTS = (*VERDICTS, "too_few")
UNKNOWN = "unknown"
MEASURES = ("wasserstein_sd", "js", "psi", "ks", "mean_shift_sd", "p")
SHARES = ("missing_share", "unusual_share")


class DriftMetrics:
    """The drift metrics of one monitor.

    Args:
        registry: the registry to register them in (`service.metrics.build_registry`).
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        self._state = gauge("tasador_drift_state", "1 for the verdict over all columns, `unknown` included", "verdict")
        self._verdict = gauge(
            "tasador_drift_verdict", "1 for the verdict on a column, `too_few` included", "column", "verdict"
        )
        self._score = gauge(
            "tasador_drift_score_ratio",
            "Distances from the reference: in its standard deviations, as shares or nats; p is a probability",
            "column",
            "measure",
        )
        self._share = gauge("tasador_drift_share_ratio", "Share of values missing or unusual", "column", "kind")
        self._rows = gauge("tasador_drift_window_rows", "Rows of the newest window")
        self._checked = gauge("tasador_drift_look_timestamp_seconds", "When the last successful drift check was made")
        self._checks = Counter("tasador_drift_looks", "Drift checks, by result", ["result"], registry=registry)
        for result in ("reported", "unchanged", "failed"):
            self._checks.labels(result)
        self._set_state(UNKNOWN)

    def record_report(self, report: DriftReport, at_s: float) -> None:
        """Show a new report; `at_s` is Unix time."""
        self._checks.labels("reported").inc()
        self._checked.set(at_s)
        self._set_state(report.verdict)
        self._rows.set(report.windows[0].rows if report.windows else 0)
        for column in report.columns:
            self._record_column(column)

    def record_unchanged(self, at_s: float) -> None:
        """Count a check that found no new rows since the last report."""
        self._checks.labels("unchanged").inc()
        self._checked.set(at_s)

    def record_failure(self) -> None:
        """Count a failed check, and set everything to unknown."""
        self._checks.labels("failed").inc()
        self._set_state(UNKNOWN)
        for family in (self._verdict, self._score, self._share):
            family.clear()
        self._rows.set(nan)

    def _set_state(self, verdict: str) -> None:
        for state in (*VERDICTS, UNKNOWN):
            self._state.labels(state).set(state == verdict)

    def _record_column(self, column: ColumnDrift) -> None:
        for verdict in COLUMN_VERDICTS:
            self._verdict.labels(column.name, verdict).set(verdict == column.verdict)
        for measure in MEASURES:
            value = getattr(column, measure)
            if value is not None:
                self._score.labels(column.name, measure).set(value)
        for share in SHARES:
            value = getattr(column, share)
            if value is not None:
                self._share.labels(column.name, share.removesuffix("_share")).set(value)
