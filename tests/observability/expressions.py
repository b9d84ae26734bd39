"""Extracts the expressions of alert rules and dashboards, and the selectors in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
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
    """Title and expression of each query, with the domain filled in."""
    for path in DASHBOARDS:
        yield from _panel_expressions(path)


def _panel_expressions(path: Path) -> Iterator[tuple[str, str]]:
    board: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    for panel in board["panels"]:
        for target in panel.get("targets", ()):
            yield f"{path.stem}: {panel['title']}", target["expr"].replace("$domain", "housing")


def selectors(expression: str) -> list[str]:
    """Every series selector in an expression, with its matchers."""
    return [name + (matchers or "") for name, matchers in _SELECTOR.findall(expression)]


def metric_name(selector: str) -> str:
    """The metric that a selector names."""
    return selector.partition("{")[0]
