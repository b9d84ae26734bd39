"""docs/metrics.md lists what the parts tell, and rules and dashboards ask for nothing else."""

from __future__ import annotations

import re
from pathlib import Path

from tasador.cli.metrics_page import documented, page, parts
from tests.observability.expressions import name_of, of_dashboards, of_rules, selectors

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert written == page(), "run: python -m tasador.cli.metrics_page docs/metrics.md"


def test_every_expression_names_metrics_that_exist() -> None:
    known = {one.name for registry in parts().values() for one in documented(registry)}
    known |= {name for name, _ in of_rules() if name.startswith("tasador:")} | {"up"}
    for name, expression in (*of_rules(), *of_dashboards()):
        asked = {re.sub(r"_(bucket|sum|count)$", "", name_of(selector)) for selector in selectors(expression)}
        assert asked, f"{name} asks for nothing"
        assert asked <= known, f"{name} asks for {asked - known}"


def test_names_are_ours_and_labels_are_few() -> None:
    for registry in parts().values():
        for one in documented(registry):
            assert one.name.startswith(("tasador_", "faststream_", "process_"))
            assert len(one.labels) <= 2 or one.name.startswith("faststream_"), one
