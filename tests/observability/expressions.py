"""Extracts the expressions of alert rules and dashboards, and the selectors in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from tests.observability.prometheus_server import DASHBOARDS, RULES

_SELECTOR = re.compile(r"(?<![\w:{\"=~])((?:tasador|process|faststream)[\w:]*|up)(\{[^}]*\})?(?![\w(])")


def rule_expressions() -> Iterator[tuple[str, str]]:
    """Name and expression of each rule."""
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            yield str(rule.get("alert") or rule["record"]), str(rule["expr"])


def dashboard_expressions() -> Iterator[tuple[str, str]]:
    """Title and expression of each query, with the variables filled in."""
    for name, board in dashboards().items():
        for panel, target in targets(board):
            expression = target["expr"].replace("$domain", "housing").replace("$span", "24h")
            yield f"{name}: {panel['title']}", expression


def dashboards() -> dict[str, dict[str, Any]]:
    """Every dashboard, by the name of its file."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in DASHBOARDS}


def targets(board: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each query of a dashboard, with its panel."""
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield panel, target


def selectors(expression: str) -> list[str]:
    """Every series selector in an expression, with its matchers."""
    return [name + (matchers or "") for name, matchers in _SELECTOR.findall(expression)]


def metric_name(selector: str) -> str:
    """The metric that a selector names."""
    return selector.partition("{")[0]
