"""docs/observability.md names every panel, alert and service, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.observability.expressions import dashboards
from tests.observability.prometheus_server import RULES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "observability.md").read_text(encoding="utf-8")
BOARDS = dashboards()


def rows_of(heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    section = re.split(r"^#", PAGE.partition(f"# {heading}\n")[2], flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


@pytest.mark.parametrize("name", BOARDS)
def test_the_page_names_every_panel_and_what_it_shows(name: str) -> None:
    panels = [panel for panel in BOARDS[name]["panels"] if panel["type"] != "row"]
    assert rows_of(BOARDS[name]["title"]) == [[panel["title"], panel["description"]] for panel in panels]


def test_the_page_names_every_alert_with_its_severity_and_its_section_of_the_runbook() -> None:
    rules = [rule for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]
    expected = [
        [
            f"`{rule['alert']}`",
            rule["labels"]["severity"],
            rule["annotations"]["summary"],
            rule["annotations"]["runbook"].removeprefix("docs/"),
        ]
        for rule in rules
        if "alert" in rule
    ]
    assert [[*cells[:3], re.sub(r".*\((.*)\)", r"\1", cells[3])] for cells in rows_of("Alerts")] == expected


def test_the_page_names_every_service_of_the_profile_and_its_address() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    profiled = {name for name, service in services.items() if "observability" in service.get("profiles", ())}
    rows = {cells[0].strip("`"): cells[1] for cells in rows_of("In containers")}
    assert rows.keys() == profiled
    published = {name for name in profiled if "ports" in services[name]}
    assert published == {name for name, address in rows.items() if "inside the containers only" not in address}
    assert "GRAFANA_PORT" in services["grafana"]["ports"][0]
    assert "GRAFANA_PASSWORD" in services["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD"]


def test_the_readme_leads_to_the_page() -> None:
    assert "(docs/observability.md)" in (ROOT / "README.md").read_text(encoding="utf-8")
