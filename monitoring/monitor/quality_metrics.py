"""Quality and outcomes as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitoring.outcomes.joining import Result
from schemas.quality import Quality, QualityReport

RESULTS: tuple[Result, ...] = ("joined", "corrected", "repeated", "waiting", "invalid")
ERRORS = ("mae", "rmse", "bias")
RATIOS = ("r2", "far_share", "labelled_share", "fast_share", "accuracy", "macro_f1")


class QualityMetrics:
    """The quality metrics of one monitor; versions are left out of the labels, since they come without end.

    Args:
        registry: where they are registered (`monitoring.metrics.build_registry`).
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        self._outcomes = Counter("tasador_outcomes", "Outcomes, by what became of them", ["result"], registry=registry)
        for result in RESULTS:
            self._outcomes.labels(result)
        places = ("span", "part", "figure")
        self._error = gauge("tasador_quality_error_units", "Error in the target's unit, by time of prediction", *places)
        self._ratio = gauge("tasador_quality_ratio", "Quality as a share of one, by time of prediction", *places)
        self._labelled = gauge("tasador_quality_labelled_rows", "Predictions that have an outcome", "span", "part")
        self._waiting = gauge("tasador_outcomes_waiting_rows", "Outcomes without a prediction, orphans included")
        self._orphaned = gauge("tasador_outcomes_orphaned_rows", "Outcomes that have waited too long for a prediction")
        self._loss = gauge("tasador_sudden_loss_timestamp_seconds", "When errors grew at once; 0 for never")
        self._reported = gauge("tasador_quality_report_timestamp_seconds", "When quality was last reported")

    def record_results(self, results: Iterable[Result]) -> None:
        """This became of outcomes."""
        for result in results:
            if result in RESULTS:
                self._outcomes.labels(result).inc()

    def record_report(self, report: QualityReport, at_s: float) -> None:
        """This is how things are now; `at_s` is Unix time."""
        for family in (self._error, self._ratio, self._labelled):
            family.clear()
        for span, parts in report.spans.items():
            for one in parts:
                if not one.part.startswith("version "):
                    self._record(span, one)
        self._waiting.set(report.waiting)
        self._orphaned.set(report.orphaned)
        self._loss.set(report.sudden_loss.time.timestamp() if report.sudden_loss else 0)
        self._reported.set(at_s)

    def record_failure(self) -> None:
        """Nothing is known any more."""
        for family in (self._error, self._ratio, self._labelled):
            family.clear()

    def _record(self, span: str, quality: Quality) -> None:
        self._labelled.labels(span, quality.part).set(quality.labelled)
        for family, names in ((self._error, ERRORS), (self._ratio, RATIOS)):
            for name in names:
                value = getattr(quality, name)
                if value is not None:
                    family.labels(span, quality.part, name).set(value)
