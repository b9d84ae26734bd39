"""Dashboards fit what processes export; one of quality is for numbers, the other for classes."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from itertools import combinations
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.monitor.quality_metrics import QualityMetrics
from monitoring.monitor.rollout_metrics import RolloutMetrics
from monitoring.outcomes.coverage import range_contribution
from monitoring.outcomes.sums import add_up, contribution, figures
from schemas.domain import load_domain
from schemas.quality import QualityReport
from schemas.rollout_report import ArmFigures, Guardrail, RolloutReport, RolloutVerdict
from schemas.sections import OutcomeSettings
from tests.observability.expressions import dashboard_expressions, dashboards, rule_expressions, selectors, targets

BOARDS = dashboards()
NAMES = ("<=50K", "A+", 'say "yes"', "back\\slash", "\\n", "two\nlines", "50%7C|x", "{{class}}", "naïve 🏠", " ")
SCRAPED = {"domain", "job", "instance"}
"""Labels that Prometheus adds when it scrapes."""
Sample = tuple[str, dict[str, str]]


def samples_of(domain_name: str, pairs: list[tuple[Any, Any]]) -> list[Sample]:
    """What a monitor serves after outcomes: predictions and outcomes, as Prometheus reads them."""
    domain, settings = load_domain(domain_name), OutcomeSettings()
    sums = [
        contribution(domain, settings, prediction, outcome)
        | range_contribution([prediction] if domain.target.classes else [prediction - 3, prediction + 3], 0.9, outcome)
        for prediction, outcome in pairs
    ]
    part = "CHAS 1" if domain_name == "housing" else "Gender Male"
    hashes = [{f"{each}|{name}".encode(): str(value).encode() for name, value in one.items()}
              for one in sums for each in ("all", part)]  # fmt: skip
    quality = figures(add_up([*hashes, {b"all|predictions": b"100"}]))
    report = QualityReport(domain=domain_name, spans={"24h": quality}, waiting=0, orphaned=0)
    registry = CollectorRegistry()
    QualityMetrics(registry).record_report(report, 0.0)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return [(sample.name, sample.labels) for family in families for sample in family.samples]


def samples_of_rollout() -> list[Sample]:
    """What a monitor serves while there is a rollout."""
    figures_of_arm: dict[str, Any] = {"answers": 400, "p99_ms": 4.2, "mean": 22.1, "outcomes": 300, "loss": 2.5}
    report = RolloutReport(
        rollout="9-0",
        time=datetime.now(UTC),
        mode="canary",
        share=0.25,
        version="8",
        champion="7",
        arms=(
            ArmFigures(arm="champion", version="7", **figures_of_arm),
            ArmFigures(arm="challenger", version="8", **figures_of_arm),
        ),
        guardrails=(Guardrail(name="latency", value=2.0, limit=1.0, answers=300, message="p99 latency is 2 ms"),),
        verdict=RolloutVerdict(gain=0.031, low=-0.01, high=0.07, outcomes=300),
    )
    registry = CollectorRegistry()
    RolloutMetrics(registry).record_report(report)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return [(sample.name, sample.labels) for family in families for sample in family.samples]


SAMPLES = {
    "numbers": samples_of("housing", [(20.0, 21.0), (30.0, 22.0)]),
    "classes": samples_of("obesity", [("Normal_Weight", "Normal_Weight"), ("Normal_Weight", "Obesity_Type_I")]),
}


def found(samples: list[Sample], expression: str) -> list[dict[str, str]]:
    """The labels of the samples that an expression's selectors match."""
    matching: list[dict[str, str]] = []
    for selector in selectors(expression.replace("$span", "24h")):
        matchers = {name: value for name, value in re.findall(r'(\w+)="([^"]*)"', selector) if name not in SCRAPED}
        name = selector.partition("{")[0]
        matching += [labels for own, labels in samples if own == name and matchers.items() <= labels.items()]
    return matching


@pytest.mark.parametrize("name", ["numbers", "classes"])
def test_a_monitor_fills_every_panel_of_its_dashboard(name: str) -> None:
    for panel, target in targets(BOARDS[name]):
        labels = found(SAMPLES[name], target["expr"])
        assert labels, panel["title"]
        shown = {*re.findall(r"{{(\w+)}}", target["legendFormat"]), *re.findall(r"by \((\w+)\)", target["expr"])}
        assert all(shown <= each.keys() for each in labels), panel["title"]


def test_a_rollout_fills_every_panel_and_rule_about_it() -> None:
    samples = samples_of_rollout()
    expressions = [expression for _, expression in (*dashboard_expressions(), *rule_expressions())]
    about = {each for expression in expressions for each in selectors(expression) if each.startswith("tasador_rollout")}
    assert len(about) > 5
    assert [selector for selector in sorted(about) if not found(samples, selector)] == []


def test_each_dashboard_of_quality_offers_only_domains_of_its_kind() -> None:
    for name, other in (("numbers", "classes"), ("classes", "numbers")):
        variables = {each["name"]: each["query"] for each in BOARDS[name]["templating"]["list"]}
        metric = re.fullmatch(r"label_values\((\w+), domain\)", variables["domain"]["query"])
        assert metric is not None
        assert found(SAMPLES[name], metric[1])
        assert not found(SAMPLES[other], metric[1])


def test_other_dashboards_show_no_figure_that_only_one_kind_of_domain_has() -> None:
    own = [{metric for metric, _ in SAMPLES[name]} for name in ("numbers", "classes")]
    only_one = own[0] ^ own[1]
    assert {"tasador_quality_mae", "tasador_quality_recall_ratio"} <= only_one
    for name in BOARDS.keys() - {"numbers", "classes"}:
        for panel, target in targets(BOARDS[name]):
            used = {selector.partition("{")[0] for selector in selectors(target["expr"])}
            assert not used & only_one, f"{name}: {panel['title']}"


def test_names_of_classes_reach_prometheus_unchanged() -> None:
    samples = samples_of("obesity", [(name, name) for name in NAMES])
    for metric in ("outcome_rows", "predicted_rows", "recall_ratio", "precision_ratio"):
        served = [labels["class"] for name, labels in samples if name == f"tasador_quality_{metric}"]
        assert sorted(served) == sorted(NAMES)


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_their_own_titles_and_places(name: str) -> None:
    panels = BOARDS[name]["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    titles = [panel["title"] for panel in panels if panel["type"] != "row"]
    assert len(set(titles)) == len(titles)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        is_beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert is_beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS)
