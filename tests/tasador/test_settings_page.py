"""docs/params.md lists every setting as the code declares it."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.settings import load_settings
from tasador.cli.commands.settings import settings
from tasador.cli.settings_page import all_settings
from tests.tasador.command import runner_of
from tests.test_params import KEYS

PAGE = Path(__file__).parents[2] / "docs/params.md"
COMMAND = runner_of(settings)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == COMMAND.text(), "run: make pages"


def test_every_setting_has_a_meaning_and_a_variable() -> None:
    listed = all_settings()
    assert {setting.key for setting in listed} >= {
        key for holder, key in KEYS if (holder, key) != ("domain", "table") and holder != "settings"
    }
    assert all(setting.meaning for setting in listed)
    assert len({setting.variable for setting in listed}) == len(listed)


def test_units_ranges_and_defaults_are_listed() -> None:
    by_variable = {setting.variable: setting for setting in all_settings()}
    claim = by_variable["TASADOR_CLAIM_IDLE_MS"]
    assert (claim.unit, claim.admitted, claim.default) == ("ms", "> 0", "5000")
    assert by_variable["TASADOR_BATCH__MAX_RECORDS"].admitted == "> 0, ≤ 5000"
    assert by_variable["TASADOR_LOG_FORMAT"].admitted == "text, json"
    assert by_variable["TASADOR_DOMAINS__<name>__PATH"].default == "none"


def test_the_variables_of_the_page_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_RETENTION__MAX_AGE_S", "5")
    assert load_settings().retention.max_age_s == 5
    assert "TASADOR_RETENTION__MAX_AGE_S" in {setting.variable for setting in all_settings()}


def test_json_lists_the_same_settings() -> None:
    assert [each["variable"] for each in COMMAND.json()] == [setting.variable for setting in all_settings()]
