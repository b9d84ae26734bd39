"""Prometheus metrics of the rollout: its arms, guardrails and verdict; what is unknown is absent."""

from __future__ import annotations

from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from schemas.rollout_report import RolloutReport, RolloutVerdict, VerdictWord
from schemas.rollouts import StopCause

ARM_FIGURES = {
    "per_s": ("per_second", "Predictions of each arm"),
    "p99_ms": ("p99_milliseconds", "99th percentile of the time from listing to answer, by arm"),
    "imputed_share": ("imputed_ratio", "Share of each arm's answers with an imputed feature"),
    "mean": ("mean", "Mean of what each model says to the rollout's listings, in the target's unit"),
    "us_per_row": ("row_microseconds", "Time that each model takes for a row"),
    "outcomes": ("outcome_rows", "Mature outcomes of each arm"),
    "labelled_share": ("labelled_ratio", "Share of each arm's mature predictions with an outcome"),
    "loss": ("loss", "Mean absolute error in the target's unit, or share of wrong classes, by arm"),
}
"""Field of `schemas.rollout_report.ArmFigures` -> end of its metric's name, and its help text."""


class RolloutMetrics:
    """The metrics of one monitor about the domain's rollout.

    Args:
        registry: the registry to register them in (`service.metrics.build_registry`).
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"tasador_rollout_{name}", text, labels, registry=registry)

        self._running = gauge("running", "1 while there is a rollout")
        self._reported = gauge("report_timestamp_seconds", "When the rollout was last reported")
        self._share = gauge("share_ratio", "Share of the listings that the rollout concerns", "mode")
        self._arms = {field: gauge(f"arm_{name}", text, "arm") for field, (name, text) in ARM_FIGURES.items()}
        self._guardrails = gauge(
            "guardrail_ratio", "What a guardrail measures, by its limit: 1 is too much", "guardrail"
        )
        self._verdict = gauge("verdict", "1 for the verdict on outcomes", "verdict")
        self._gain = gauge("gain_ratio", "How much better the challenger is, and the ends of the interval", "bound")
        self._outcomes = gauge("outcomes_rows", "Outcomes that the verdict is based on")
        self._withheld = gauge("withheld", "1 while the verdict is withheld, because outcomes are missing unevenly")
        self._stops = Counter(
            "tasador_rollout_stops", "Rollouts that the monitor has asked to stop", ["cause"], registry=registry
        )
        for cause in ("guardrail", "verdict"):
            self._stops.labels(cause)

    def record_report(self, report: RolloutReport) -> None:
        """Show a new report."""
        self.clear()
        self._running.set(1)
        self._reported.set(report.time.timestamp())
        self._share.labels(report.mode).set(report.share)
        for figures in report.arms:
            for field, family in self._arms.items():
                value = getattr(figures, field)
                if value is not None:
                    family.labels(figures.arm).set(value)
        for guardrail in report.guardrails:
            if guardrail.value is not None and guardrail.limit > 0:
                self._guardrails.labels(guardrail.name).set(guardrail.value / guardrail.limit)
        self._record_verdict(report.verdict)

    def record_stop(self, cause: StopCause) -> None:
        """Count a stop that was asked for."""
        self._stops.labels(cause).inc()

    def clear(self) -> None:
        """Show no rollout."""
        families = (self._share, self._guardrails, self._verdict, self._gain, *self._arms.values())
        for family in families:
            family.clear()
        for single in (self._running, self._outcomes, self._withheld):
            single.set(0)

    def _record_verdict(self, verdict: RolloutVerdict) -> None:
        for word in get_args(VerdictWord):
            self._verdict.labels(word).set(word == verdict.verdict)
        for bound in ("gain", "low", "high"):
            value = getattr(verdict, bound)
            if value is not None:
                self._gain.labels(bound).set(value)
        self._outcomes.set(verdict.outcomes)
        self._withheld.set(verdict.withheld is not None)
