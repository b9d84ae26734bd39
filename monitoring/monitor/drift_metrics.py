"""The newest drift report as Prometheus metrics; what is not known stands as NaN or is absent, never as quiet."""

from __future__ import annotations

from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge

from schemas.drift import ColumnDrift, DriftReport

VERDICTS = ("no_drift", "drift", "not_enough_rows")
UNKNOWN = "unknown"
MEASURES = ("wasserstein_sd", "js", "psi", "ks", "mean_shift_sd", "p")
SHARES = ("missing_share", "unusual_share")


class DriftMetrics:
    """The drift metrics of one monitor.

    Args:
        registry: where they are registered (`consumer.metrics.build_registry`).
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        self._state = gauge("tasador_drift_state", "1 for the verdict over all columns, `unknown` included", "verdict")
        self._verdict = gauge("tasador_drift_verdict", "1 for the verdict on a column", "column", "verdict")
        self._score = gauge(
            "tasador_drift_score_ratio",
            "Distances from the reference: in its standard deviations, as shares or nats; p is a probability",
            "column",
            "measure",
        )
        self._share = gauge("tasador_drift_share_ratio", "Share of values missing or unusual", "column", "kind")
        self._rows = gauge("tasador_drift_window_rows", "Rows of the newest window")
        self._looked = gauge("tasador_drift_look_timestamp_seconds", "When the window was looked at without failure")
        self._looks = Counter("tasador_drift_looks", "Looks at the window, by result", ["result"], registry=registry)
        for result in ("reported", "unchanged", "failed"):
            self._looks.labels(result)
        self._set_state(UNKNOWN)

    def record_report(self, report: DriftReport, at_s: float) -> None:
        """This is how things are now; `at_s` is Unix time."""
        self._looks.labels("reported").inc()
        self._looked.set(at_s)
        self._set_state(report.verdict)
        self._rows.set(report.windows[0].rows if report.windows else 0)
        for column in report.columns:
            self._record_column(column)

    def record_unchanged(self, at_s: float) -> None:
        """Nothing came since the last report."""
        self._looks.labels("unchanged").inc()
        self._looked.set(at_s)

    def record_failure(self) -> None:
        """The window could not be looked at: nothing is known any more."""
        self._looks.labels("failed").inc()
        self._set_state(UNKNOWN)
        for family in (self._verdict, self._score, self._share):
            family.clear()
        self._rows.set(nan)

    def _set_state(self, verdict: str) -> None:
        for one in (*VERDICTS, UNKNOWN):
            self._state.labels(one).set(one == verdict)

    def _record_column(self, column: ColumnDrift) -> None:
        for verdict in VERDICTS:
            self._verdict.labels(column.name, verdict).set(verdict == column.verdict)
        for measure in MEASURES:
            value = getattr(column, measure)
            if value is not None:
                self._score.labels(column.name, measure).set(value)
        for share in SHARES:
            value = getattr(column, share)
            if value is not None:
                self._share.labels(column.name, share.removesuffix("_share")).set(value)
