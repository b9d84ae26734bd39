"""Prometheus metrics of quality and outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitoring.outcomes.joining import JoinResult
from schemas.quality import ClassQuality, Quality, QualityReport

RESULTS: tuple[JoinResult, ...] = ("joined", "corrected", "repeated", "waiting", "invalid")
FIGURES = {
    "mae": ("mae", "Mean absolute error, in the target's unit"),
    "rmse": ("rmse", "Root of the mean squared error, in the target's unit"),
    "bias": ("bias", "Mean of prediction minus outcome, in the target's unit"),
    "r2": ("r2_ratio", "Share of the outcomes' variance that predictions explain"),
    "far_share": ("far_ratio", "Share of predictions that were far off"),
    "labelled_share": ("labelled_ratio", "Share of predictions that have an outcome"),
    "fast_share": ("fast_ratio", "Share of predictions made fast enough"),
    "accuracy": ("accuracy_ratio", "Share of classes that were right"),
    "macro_f1": ("macro_f1_ratio", "Mean F1 score of the classes"),
    "coverage": ("coverage_ratio", "Share of intervals or prediction sets that hold the outcome"),
    "coverage_low": ("coverage_low_ratio", "Lower end of the 95 % interval of this share"),
    "coverage_high": ("coverage_high_ratio", "Upper end of the 95 % interval of this share"),
    "promised": ("promised_ratio", "Mean coverage that intervals or prediction sets promise"),
    "width": ("width", "Mean width of intervals, in the target's unit, or mean number of classes in a prediction set"),
}
"""Field of `schemas.quality.Quality` -> end of its metric's name, and its help text; all by time of prediction."""
CLASS_FIGURES = {
    "outcomes": ("outcome_rows", "Outcomes that are this class"),
    "predicted": ("predicted_rows", "Predictions with an outcome that name this class"),
    "recall": ("recall_ratio", "Share of the outcomes of this class that were predicted"),
    "precision": ("precision_ratio", "Share of the predictions of this class that were right"),
}
"""The same for `schemas.quality.ClassQuality`, over all predictions."""


class QualityMetrics:
    """The quality metrics of one monitor; versions are not labels, because their number grows without limit.

    Args:
        registry: the registry to register them in (`service.metrics.build_registry`).
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(name, text, labels, registry=registry)

        self._outcomes = Counter("tasador_outcomes", "Outcomes, by result", ["result"], registry=registry)
        for result in RESULTS:
            self._outcomes.labels(result)
        self._figures = {
            field: gauge(f"tasador_quality_{name}", text, "span", "part") for field, (name, text) in FIGURES.items()
        }
        self._of_classes = {
            field: gauge(f"tasador_quality_{name}", text, "span", "class")
            for field, (name, text) in CLASS_FIGURES.items()
        }
        self._labelled = gauge("tasador_quality_labelled_rows", "Predictions that have an outcome", "span", "part")
        self._waiting = gauge("tasador_outcomes_waiting_rows", "Outcomes without a prediction, orphans included")
        self._orphaned = gauge("tasador_outcomes_orphaned_rows", "Outcomes that have waited too long for a prediction")
        self._loss = gauge("tasador_sudden_loss_timestamp_seconds", "When errors last rose suddenly; 0 for never")
        self._recent = gauge(
            "tasador_recent_coverage_ratio", "Share of the latest outcomes that ranges hold; NaN if few"
        )
        self._chance = gauge(
            "tasador_recent_coverage_chance_ratio",
            "Probability of so low a share if the model's promise holds; NaN if few",
        )
        self._reported = gauge("tasador_quality_report_timestamp_seconds", "When quality was last reported")

    def record_results(self, results: Iterable[JoinResult]) -> None:
        """Count the results of outcomes."""
        for result in results:
            if result in RESULTS:
                self._outcomes.labels(result).inc()

    def record_report(self, report: QualityReport, at_s: float) -> None:
        """Show a new report; `at_s` is Unix time."""
        self.record_failure()
        for span, parts in report.spans.items():
            for quality in parts:
                if not quality.part.startswith("version "):
                    self._record(span, quality)
        self._waiting.set(report.waiting)
        self._orphaned.set(report.orphaned)
        self._loss.set(report.sudden_loss.time.timestamp() if report.sudden_loss else 0)
        if recent := report.recent_coverage:
            self._recent.set(recent.covered / recent.outcomes)
            self._chance.set(recent.chance)
        self._reported.set(at_s)

    def record_failure(self) -> None:
        """Set everything to unknown."""
        for family in (*self._figures.values(), *self._of_classes.values(), self._labelled):
            family.clear()
        self._recent.set(nan)
        self._chance.set(nan)

    def _record(self, span: str, quality: Quality) -> None:
        self._labelled.labels(span, quality.part).set(quality.labelled)
        _set_all(self._figures, quality, (span, quality.part))
        for each in quality.classes or ():
            _set_all(self._of_classes, each, (span, each.name))


def _set_all(families: Mapping[str, Gauge], figures: Quality | ClassQuality, labels: tuple[str, str]) -> None:
    for field, family in families.items():
        value = getattr(figures, field)
        if value is not None:
            family.labels(*labels).set(value)
