"""The alert rules pass promtool's checks and tests, and each has a section in the runbook."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from tests.docker_engine import need_image
from tests.observability.expressions import rule_expressions
from tests.observability.prometheus_server import IMAGE, RULE_TESTS, RULES, promtool


def test_the_rules_are_valid_and_fire_only_on_their_faults() -> None:
    need_image(IMAGE)
    for arguments in (("check", "rules", "rules.yml"), ("test", "rules", RULE_TESTS.name)):
        code, output = promtool(*arguments)
        assert code == 0, output


def test_every_alert_is_tested_with_its_fault_and_without() -> None:
    text = RULE_TESTS.read_text(encoding="utf-8")
    healthy, _, faults = text.partition("\n  - name: no consumer\n")
    for name, _ in rule_expressions():
        if not name.startswith("tasador:"):
            assert re.search(rf"\b{name}\b", healthy), f"{name} is not tested on a healthy system"
            assert re.search(rf"\b{name}\b", faults), f"{name} is not tested with its fault"


def test_every_alert_has_its_section_in_the_runbook() -> None:
    runbook = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text(encoding="utf-8")
    anchors = {_anchor(line.lstrip("# ")) for line in runbook.splitlines() if line.startswith("#")}
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                page, _, anchor = rule["annotations"]["runbook"].partition("#")
                assert (page, anchor in anchors) == ("docs/runbook.md", True), f"{rule['alert']}: {anchor}"


def _anchor(heading: str) -> str:
    """The anchor that GitHub gives to a heading."""
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).strip().replace(" ", "-")
