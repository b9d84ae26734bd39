from __future__ import annotations

import pytest

from service.health import Health


def test_a_process_is_ready_once_it_has_no_reason_against_it() -> None:
    health = Health()
    assert health.reasons == ("start: starting",)
    health.set_reason("redis", "does not answer")
    health.set_reason("redis", "is loading")
    health.clear("start")
    assert (health.is_ready, health.reasons) == (False, ("redis: is loading",))
    health.clear("redis")
    health.clear("redis")
    assert health.is_ready


def test_a_process_with_a_warning_is_ready_and_reports_it() -> None:
    health = Health()
    health.clear("start")
    health.warn("model", "no room on the disk")
    assert (health.is_ready, health.reasons) == (True, ("model: no room on the disk",))
    health.set_reason("model", "none")
    assert (health.is_ready, health.reasons) == (False, ("model: none",))
    health.warn("model", "no room on the disk")
    health.clear("model")
    assert (health.is_ready, health.reasons) == (True, ())


def test_a_process_without_beats_is_not_live(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("service.health.time.monotonic", lambda: now)
    health, other = Health(stall_s=5), Health()
    now = 105.0
    assert health.is_living
    now = 106.0
    assert not health.is_living
    assert other.is_living
    health.beat()
    assert health.is_living


def test_a_reason_that_comes_or_goes_is_noticed_and_another_text_is_not() -> None:
    health, changes = Health(), list[tuple[str, ...]]()
    health.on_change = lambda: changes.append(health.reasons)
    health.clear("start")
    health.set_reason("model", "none for 1 s")
    health.set_reason("model", "none for 2 s")
    health.warn("model", "old")
    health.clear("model")
    health.clear("model")
    assert changes == [(), ("model: none for 1 s",), ("model: old",), ()]
