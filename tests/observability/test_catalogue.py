"""docs/metrics.md lists every metric, and rules and dashboards use no others."""

from __future__ import annotations

import re
from pathlib import Path

from tasador.cli.metrics_page import documented, page, registries
from tests.observability.expressions import dashboard_expressions, metric_name, rule_expressions, selectors

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m tasador.cli.metrics_page docs/metrics.md"


def test_every_expression_names_metrics_that_exist() -> None:
    known = {metric.name for registry in registries().values() for metric in documented(registry)}
    known |= {name for name, _ in rule_expressions() if name.startswith("tasador:")} | {"up"}
    for name, expression in (*rule_expressions(), *dashboard_expressions()):
        used = {re.sub(r"_(bucket|sum|count)$", "", metric_name(selector)) for selector in selectors(expression)}
        assert used, f"{name} uses no metric"
        assert used <= known, f"{name} uses {used - known}"


def test_metric_names_have_a_known_prefix_and_few_labels() -> None:
    for registry in registries().values():
        for metric in documented(registry):
            assert metric.name.startswith(("tasador_", "faststream_", "process_"))
            assert len(metric.labels) <= 2 or metric.name.startswith("faststream_"), metric
