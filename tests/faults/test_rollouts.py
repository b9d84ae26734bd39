"""A challenger goes from shadow to champion under load, while consumers are killed in each phase."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas.commands import ModelEventType
from schemas.rollouts import RolloutMode
from tests.consumer.harness import Client, answers
from tests.consumer.rollouts import announce_rollout, desired_rollout, write_rollout
from tests.faults.conftest import Record, StartRound
from tests.faults.domain_run import DomainRun, activate
from tests.faults.harness import wait_for

pytestmark = pytest.mark.faults

PHASES: tuple[tuple[RolloutMode, float], ...] = (("shadow", 1.0), ("canary", 0.05), ("canary", 0.25), ("split", 0.5))
ANSWERS = 1500
"""How many listings a run answers in a phase, at least."""


def test_a_rollout_while_consumers_are_killed(redis_url: str, start_round: StartRound, record: Record) -> None:
    """`finish` checks every arm and every pair."""
    # an operator's kills count as failures of the challenger
    round_ = start_round(redis_url, swap={"poll_s": 0.02}, rollout={"max_failures": 1000})
    for run in round_.runs:
        run.score_ms = 5  # so that a kill finds something in hand
    round_.start("a", "b")
    with round_.client() as client:
        rollouts: dict[DomainRun, str] = {}
        for number, (mode, share) in enumerate(PHASES):
            for run in round_.runs:
                about: dict[str, Any] = {"mode": mode, "share": share, "version": "3", "champion": "2"}
                kind: ModelEventType = "rollout.adjusted" if run in rollouts else "rollout.started"
                revision = announce_rollout(client, run.streams, kind, id=rollouts.get(run, ""), **about)
                rollout = rollouts.setdefault(run, revision)
                write_rollout(client, run.streams, desired_rollout(id=rollout, revision=revision, **about))
                wait_for(lambda run=run, at=revision: _carry_out(client, run, at), "both carry it out")  # type: ignore[misc]
            round_.wait_for_answers(ANSWERS // 2)
            for run in round_.runs:
                name = "ab"[number % 2]
                run.kill(name)
                round_.count(kills=1, held_by_killed=run.pending(client, name))
                run.start(name)
            round_.wait_for_answers(ANSWERS // 2)
        for run in round_.runs:
            wait_for(lambda run=run: _deaths(client, run) == len(PHASES), "all deaths are counted")  # type: ignore[misc]
            activate(client, run.streams, 3)
            assert not client.exists(run.streams.rollout)
        round_.wait_for_answers(ANSWERS)
        figures = round_.finish()
        for run in round_.runs:
            figures.update(_check(client, run))
    assert figures["held_by_killed"] > 0
    record(figures)


def _carry_out(client: Client, run: DomainRun, revision: str) -> bool:
    beats = [json.loads(beat) for beat in client.hvals(run.streams.consumers)]
    return [beat.get("rollout_revision") for beat in beats].count(revision) >= len("ab")


def _deaths(client: Client, run: DomainRun) -> int:
    return sum(int(deaths) for deaths in client.hvals(run.streams.challenger_failures))


def _check(client: Client, run: DomainRun) -> dict[str, int]:
    """Every price is that of the version that it names; returns what the rollout was like."""
    rooms = {
        entry_id.decode(): json.loads(fields[b"data"])["data"]["RM"]
        for entry_id, fields in client.xrange(run.streams.listings)
    }
    stamps = []
    for answer in answers(client, run.streams.predictions):
        data = answer["data"]
        assert data["prediction"] == pytest.approx(rooms[answer["id"]] * int(data["model"]["version"]))
        stamps.append(data["model"])
    assert stamps[-1]["version"] == "3"
    assert "rollout" not in stamps[-1]
    ended = [
        event["data"]["cause"]
        for event in answers(client, run.streams.model_events)
        if event["type"] == "rollout.stopped"
    ]
    assert ended == ["promoted"]
    return {
        "challenger_answered": sum(stamp.get("arm") == "challenger" and "fallback" not in stamp for stamp in stamps),
        "fallbacks": sum("fallback" in stamp for stamp in stamps),
        "pairs": int(client.hget(run.streams.progress, "pairs")),
    }
