"""What a process is doing, and for how long, as its heartbeat shows it."""

from __future__ import annotations

import pytest

from schemas.states import TrainerHeartbeat
from service.activity import Activities
from service.no_model import explain_no_model

NOW_MS = 1_000_000


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("service.activity.time.monotonic", lambda: now[0])
    return now


def _trainer(activities: Activities | None = None, **fields: object) -> TrainerHeartbeat:
    given = {"name": "t1", "instance": "i", "host": "h", "pid": 1, "started_ms": 0, "at_ms": NOW_MS, "state": "running"}
    shown = activities.at(NOW_MS) if activities else ()
    return TrainerHeartbeat.model_validate(given | {"activities": shown} | fields)


def test_an_activity_shows_its_phase_and_how_long_both_take(clock: list[float]) -> None:
    activities = Activities()
    with activities.doing("training", "c-1") as training:
        clock[0] += 30
        training.enter("train")
        clock[0] += 12
        training.report("search: 3 of 25")
        with activities.doing("loading version 2"):
            clock[0] += 1
            first, second = activities.at(NOW_MS)
            assert first.describe(NOW_MS) == "training for 43 s (train for 13 s: search: 3 of 25)"
            assert (first.command_id, second.describe(NOW_MS)) == ("c-1", "loading version 2 for 1 s")
    assert activities.at(NOW_MS) == ()


def test_without_a_model_the_reason_says_what_is_being_done_about_it(clock: list[float]) -> None:
    activities = Activities()
    with activities.doing("loading version 1"):
        clock[0] += 3
        training = _trainer(activities)
    assert (
        explain_no_model([training], NOW_MS, "housing")
        == "no model has been activated yet: t1 is loading version 1 for 3 s"
    )
    waiting = _trainer(reasons=("registry: MLflow does not answer",))
    assert explain_no_model([waiting], NOW_MS, "housing").endswith("t1 is not ready (registry: MLflow does not answer)")
    assert explain_no_model([_trainer()], NOW_MS, "housing") == "no model has been activated yet: `tasador train`"
    dead = training.model_copy(update={"at_ms": NOW_MS - 16_000})
    assert explain_no_model([dead], NOW_MS, "housing").endswith("start a training worker: `tasador trainer`")
