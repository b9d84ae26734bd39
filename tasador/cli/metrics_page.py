"""Writes docs/metrics.md, the page about every metric, from the registries of the processes.

Run it with `python -m tasador.cli.metrics_page docs/metrics.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from faststream.redis.prometheus import RedisPrometheusMiddleware
from prometheus_client import CollectorRegistry, Metric

from consumer.metrics import ConsumerMetrics
from explainer.metrics import ExplainerMetrics
from gateway.metrics import GatewayMetrics
from monitoring.archive.archiver import ArchiveProgress
from monitoring.monitor.archive_metrics import ArchiveMetrics
from monitoring.monitor.drift_metrics import DriftMetrics
from monitoring.monitor.loop_metrics import LoopMetrics
from monitoring.monitor.quality_metrics import FIGURES, QualityMetrics
from monitoring.monitor.rollout_metrics import ARM_FIGURES, RolloutMetrics
from schemas.domain import load_domain
from schemas.drift import ColumnDrift, DriftReport, WindowSpan
from schemas.quality import ALL, ClassQuality, Quality, QualityReport
from schemas.rollout_report import ArmFigures, Guardrail, RolloutReport, RolloutVerdict
from service.metrics import build_registry
from training.worker.metrics import JobMetrics

HEAD = """# Metrics

Every process serves `/metrics` for Prometheus. The values of each label are bounded: outcomes, reasons, stages,
features, classes, active versions. Series begin at 0 where possible, so that `rate()` sees the first event. Alert rules
are in `monitoring/prometheus/rules.yml`, dashboards in `monitoring/grafana/dashboards`; `tests/observability` evaluates
their expressions on a real Prometheus.

`python -m tasador.cli.metrics_page docs/metrics.md` writes this page.
"""

OTHERS = ("faststream", "process")
"""Prefixes of metrics that libraries export: FastStream's middleware and prometheus_client."""


class Documented(NamedTuple):
    """One metric, with the name that Prometheus scrapes."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


def registries() -> dict[str, CollectorRegistry]:
    """The registry of each process, after it has recorded something."""
    consumer, trainer = build_registry(), build_registry()
    domain = load_domain("housing")
    ConsumerMetrics(domain, "a", consumer).record_swap("1", "1-0", domain.columns[0])
    JobMetrics(lambda: False, trainer).set_champion("1", "")
    return {
        "consumer": consumer,
        "trainer": trainer,
        "monitor": _monitor(),
        "explainer": _explainer(),
        "gateway": _gateway(),
    }


def _explainer() -> CollectorRegistry:
    registry = build_registry()
    ExplainerMetrics(registry).record_loaded("1", "tree_shap")
    return registry


def _gateway() -> CollectorRegistry:
    registry = build_registry()
    GatewayMetrics(registry).of_domain("housing").record_request(200)
    return registry


def _monitor() -> CollectorRegistry:
    registry = build_registry()
    measured = {"missing_share": 0.0, "unusual_share": 0.0, "wasserstein_sd": 0.0}
    column = ColumnDrift(
        name="RM",
        role="feature",
        kind="number",
        verdict="no_drift",
        alarms=(),
        rows=0,
        reference_rows=0,
        reference_missing_share=0.0,
        **measured,
    )
    windows = (WindowSpan(rows=0),)
    drift = DriftReport(verdict="no_drift", reference_rows=0, windows=windows, needed=2, columns=(column,))
    DriftMetrics(registry).record_report(drift, 0.0)
    classes = (ClassQuality(name="", outcomes=0, predicted=0, correct=0, recall=0.0, precision=0.0),)
    quality = Quality(part=ALL, **dict.fromkeys(FIGURES, 0.0), classes=classes)
    report = QualityReport(domain="housing", spans={"24h": (quality,)}, waiting=0, orphaned=0)
    QualityMetrics(registry).record_report(report, 0.0)
    ArchiveMetrics(registry).record(ArchiveProgress(), 0)
    LoopMetrics(registry).record(is_paused=False)
    RolloutMetrics(registry).record_report(_rollout())
    return registry


def _rollout() -> RolloutReport:
    figures = dict.fromkeys(ARM_FIGURES, 0.0)
    return RolloutReport(
        rollout="1-0",
        time=datetime.fromtimestamp(0, UTC),
        mode="shadow",
        share=1.0,
        version="2",
        champion="1",
        arms=(
            ArmFigures.model_validate({"arm": "champion", "version": "1"} | figures),
            ArmFigures.model_validate({"arm": "challenger", "version": "2"} | figures),
        ),
        guardrails=(Guardrail(name="latency", value=0.0, limit=1.0, answers=0, message=""),),
        verdict=RolloutVerdict(gain=0.0, low=0.0, high=0.0),
    )


def documented(registry: CollectorRegistry) -> Iterator[Documented]:
    """The metrics of a registry and of FastStream's middleware, by name."""
    RedisPrometheusMiddleware(registry=registry)
    for metric in sorted(registry.collect(), key=lambda metric: metric.name):
        yield Documented(_scraped_name(metric), metric.type, _labels(metric), metric.documentation)


def page() -> str:
    """The page as Markdown."""
    return "\n".join(
        [HEAD, *(_section(process, list(documented(registry))) for process, registry in registries().items())]
    )


def _scraped_name(metric: Metric) -> str:
    suffix = {"counter": "_total", "info": "_info"}.get(metric.type, "")
    return metric.name + suffix


def _labels(metric: Metric) -> tuple[str, ...]:
    return tuple(sorted({label for sample in metric.samples for label in sample.labels} - {"le"}))


def _section(process: str, metrics: Iterable[Documented]) -> str:
    ours = [one for one in metrics if not one.name.startswith(OTHERS)]
    lines = [f"| `{one.name}` | {one.kind} | {_named(one.labels)} | {one.text} |" for one in ours]
    others = "FastStream's middleware adds `faststream_…`, and prometheus_client adds `process_…`."
    table = "\n".join(["| metric | type | labels | meaning |", "|---|---|---|---|", *lines])
    return f"## {process.capitalize()}\n\n{table}\n\n{others}\n"


def _named(labels: Iterable[str]) -> str:
    return ", ".join(f"`{label}`" for label in labels)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
