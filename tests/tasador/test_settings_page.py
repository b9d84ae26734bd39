"""docs/params.md says of every setting what the settings say."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.settings import load_settings
from tasador.cli.commands.settings import settings
from tasador.cli.settings_page import all_settings
from tests.tasador.command import command_of
from tests.test_params import KEYS

PAGE = Path(__file__).parents[2] / "docs/params.md"
COMMAND = command_of(settings)


def test_the_page_is_that_of_the_code() -> None:
    assert PAGE.read_text(encoding="utf-8") == COMMAND.text(), "write it again: make pages"


def test_every_setting_is_there_with_a_meaning_and_a_variable() -> None:
    found = all_settings()
    assert {setting.key for setting in found} >= {key for holder, key in KEYS if holder != "settings"}
    assert all(setting.meaning for setting in found)
    assert len({setting.variable for setting in found}) == len(found)


def test_units_ranges_and_defaults_are_told() -> None:
    by_variable = {setting.variable: setting for setting in all_settings()}
    claim = by_variable["TASADOR_CLAIM_IDLE_MS"]
    assert (claim.unit, claim.admitted, claim.default) == ("ms", "> 0", "5000")
    assert by_variable["TASADOR_BATCH__MAX_RECORDS"].admitted == "> 0, ≤ 5000"
    assert by_variable["TASADOR_LOG_FORMAT"].admitted == "text, json"
    assert by_variable["TASADOR_DOMAINS__<name>__PATH"].default == "none"


def test_a_variable_of_the_page_is_one_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASADOR_RETENTION__MAX_AGE_S", "5")
    assert load_settings().retention.max_age_s == 5
    assert "TASADOR_RETENTION__MAX_AGE_S" in {setting.variable for setting in all_settings()}


def test_json_holds_the_same() -> None:
    assert [each["variable"] for each in COMMAND.json()] == [setting.variable for setting in all_settings()]
