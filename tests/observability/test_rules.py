"""The alert rules, by Prometheus' own tool."""

from __future__ import annotations

import re

from tests.observability.expressions import of_rules
from tests.observability.prometheus_server import RULE_TESTS, need_image, promtool


def test_the_rules_are_valid_and_fire_on_their_faults_and_on_nothing_else() -> None:
    need_image()
    for verb in (("check", "rules", "rules.yml"), ("test", "rules", RULE_TESTS.name)):
        done = promtool(*verb)
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_is_tried_with_its_fault_and_without() -> None:
    text = RULE_TESTS.read_text(encoding="utf-8")
    healthy, _, faults = text.partition("\n  - name: no consumer\n")
    for name, _ in of_rules():
        if not name.startswith("tasador:"):
            assert re.search(rf"\b{name}\b", healthy), f"{name} is not tried on a healthy system"
            assert re.search(rf"\b{name}\b", faults), f"{name} is not tried with its fault"
