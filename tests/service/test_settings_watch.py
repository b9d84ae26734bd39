"""An edited params.yaml is reported by the processes that run with the old one."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from service.health import Health
from service.settings_watch import SettingsWatch


@pytest.fixture
def health() -> Health:
    health = Health()
    health.clear("start")
    return health


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "params.yaml"
    path.write_text("training: {folds: 5, seconds: 120}\n")
    return path


def _write(path: Path, text: str) -> None:
    """Write the file with another time than before, however coarse the file system's clock is."""
    before = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(before + 10**9, before + 10**9))


async def test_the_keys_that_differ_are_named_until_the_file_is_as_it_was(
    health: Health, params: Path, caplog: pytest.LogCaptureFixture
) -> None:
    watch = SettingsWatch(health, "housing")
    await watch.check()
    assert (health.reasons, health.is_ready) == ((), True)
    _write(params, "training: {folds: 3, seconds: 60}\n# a comment\n")
    await watch.check()
    await watch.check()
    (reason,) = health.reasons
    assert reason.startswith("settings: params.yaml has changed since the start; a restart applies ")
    assert "training.seconds (120.0, now 60.0), training.folds (5, now 3)" in reason
    assert health.is_ready, "the process works"
    # other tests leave processes running on threads of their own
    own = [record.message for record in caplog.records if record.thread == threading.get_ident()]
    assert own == ["settings have changed"]
    _write(params, "training: {folds: 5}\n")
    await watch.check()
    assert health.reasons == ()


async def test_an_edit_that_would_stop_the_next_start_is_known_at_once(health: Health, params: Path) -> None:
    watch = SettingsWatch(health, "housing")
    _write(params, "training: {fold: 3}\n")
    await watch.check()
    (reason,) = health.reasons
    assert reason == "settings: a restart would fail: params.yaml: training.fold: there is no such setting"


async def test_an_edit_that_a_variable_overrides_is_no_difference(
    health: Health, params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASADOR_TRAINING__FOLDS", "4")
    watch = SettingsWatch(health, "housing")
    _write(params, "training: {folds: 3, seconds: 120}\n")
    await watch.check()
    assert health.reasons == ()
