"""Reports on rollouts on a real Redis: verdicts on outcomes, guardrails, and the steps of a progressive rollout."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
import redis

from schemas.rollout_report import LoggedVerdict, RolloutReport
from schemas.rollouts import ArmName
from schemas.streams import Streams
from tests.monitoring.rollouts.rollout_fixture import Answered, RolloutFixture

MakeRollout = Callable[..., RolloutFixture]


@pytest.fixture
async def make(redis_client: redis.Redis, streams: Streams, redis_url: str) -> AsyncIterator[MakeRollout]:
    made: list[RolloutFixture] = []

    def build(**options: Any) -> RolloutFixture:
        made.append(RolloutFixture(redis_client, streams, redis_url, **options))
        return made[-1]

    yield build
    for each in made:
        await each.close()


def listings(count: int, gain: float, *, arm: ArmName = "champion", seed: int = 1) -> list[Answered]:
    """Listings of as many subjects, to which the challenger's error is smaller by a share."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        truth, error = rng.normal(20, 6), rng.normal(0, 2)
        name = f"{seed}-{number}"
        challenger = truth + error * (1 - gain)
        found.append(Answered(name, truth + error, challenger, truth, arm, f"subject {name}"))
    return found


def figures_of(report: RolloutReport) -> tuple[Any, ...]:
    champion, challenger = report.arms
    return champion.outcomes, challenger.outcomes, report.verdict.verdict


async def test_better_challenger_in_a_shadow_is_found(make: MakeRollout) -> None:
    rollout = make()
    rollout.change()
    for seed in range(4):
        rollout.answer(listings(100, 0.3, seed=seed))
    report = await rollout.report()
    assert report.verdict.verdict == "better"
    assert report.verdict.gain == pytest.approx(0.3, abs=0.02)
    assert (report.verdict.outcomes, report.verdict.units, report.verdict.is_paired) == (400, 400, True)
    champion, challenger = report.arms
    assert challenger.loss == pytest.approx(0.7 * (champion.loss or 0))
    assert (champion.labelled_share, champion.answers, challenger.answers) == (1.0, 400, 0)
    assert rollout.commands() == []
    stored = rollout.client.get(rollout.streams.rollout_report)
    assert RolloutReport.model_validate_json(stored) == report


async def test_worse_challenger_is_stopped_by_the_verdict_once(make: MakeRollout) -> None:
    rollout = make()
    desired = rollout.change("canary", 0.5)
    rollout.answer(listings(300, -0.3, arm="challenger"))
    for reporter in (rollout.reporter, rollout.reporter, rollout.new_reporter()):
        assert (await rollout.report(reporter)).verdict.verdict == "worse"
    sent = rollout.commands()
    assert {command.id for command in sent} == {f"rollout-{desired.id}-stop"}
    assert len(sent) == 2, "once by each monitor, under one id"
    assert (sent[0].type, sent[0].data.cause, sent[0].data.rollout) == ("rollout.stop", "verdict", desired.id)
    assert "on 300 outcomes" in sent[0].data.reason


async def test_another_monitor_continues_and_counts_nothing_twice(make: MakeRollout) -> None:
    rollout = make()
    rollout.change()
    rollout.answer(listings(150, 0.0, seed=1))
    first = await rollout.report()
    rollout.answer(listings(150, 0.0, seed=2))
    second = await rollout.report(rollout.new_reporter())
    again = await rollout.report()
    assert (first.verdict.outcomes, second.verdict.outcomes) == (150, 300)
    assert again.verdict == second.verdict


async def test_predictions_count_once_they_are_mature(make: MakeRollout) -> None:
    rollout = make(mature_h=1.0)
    rollout.change()
    rollout.answer(listings(200, 0.3))
    assert (await rollout.report()).verdict.outcomes == 0


async def test_outcomes_that_monitors_have_not_joined_yet_are_not_missing(make: MakeRollout) -> None:
    """As after a pause of the monitors: the outcomes came long ago, and are read later than the pairs."""
    rollout = make()
    rollout.change()
    rollout.answer(listings(200, 0.3))
    before = await rollout.reporter.report()
    assert before is not None
    assert (before.verdict.outcomes, before.arms[0].labelled_share) == (0, None)
    after = await rollout.report()
    assert (after.verdict.outcomes, after.arms[0].labelled_share) == (200, 1.0)


async def test_failures_count_for_the_arm_that_was_to_answer(make: MakeRollout) -> None:
    """The challenger answers only what is easy; with the champion's answers in its place it is exactly as good."""
    rollout = make(max_fallback_share=1.0)
    rollout.change("split", 0.5)
    hard = [each._replace(challenger=float("nan"), champion=each.champion + 9) for each in listings(100, 0.0, seed=1)]
    easy = listings(100, 0.0, seed=2)
    rollout.answer([each._replace(arm="challenger") for each in hard + easy])
    report = await rollout.report()
    champion, challenger = report.arms
    assert (report.verdict.verdict, report.verdict.gain) == ("same", 0.0)
    assert challenger.loss == champion.loss


@pytest.mark.parametrize("has_subjects", [True, False])
async def test_arms_are_compared_where_there_are_no_pairs(make: MakeRollout, *, has_subjects: bool) -> None:
    rollout = make()
    rollout.change("split", 0.5, pairs=False)
    for seed in range(4):
        arm: ArmName = "challenger" if seed % 2 else "champion"
        answered = listings(200, 0.5, arm=arm, seed=seed)
        rollout.answer(answered if has_subjects else [each._replace(subject=None) for each in answered])
    report = await rollout.report()
    # without subjects, all are of one hour or two, which is too few
    assert figures_of(report) == (400, 400, "better" if has_subjects else "undecided")
    assert report.verdict.is_paired is False
    assert rollout.client.xlen(rollout.streams.shadows) == 0


async def test_verdict_is_withheld_where_an_arm_lacks_outcomes(make: MakeRollout) -> None:
    rollout = make()
    rollout.change("split", 0.5)
    rollout.answer(listings(300, 0.3, arm="challenger"))
    rollout.rollout = rollout.rollout.model_copy(update={"pairs": False}) if rollout.rollout else None
    rollout.answer([each._replace(outcome=None) for each in listings(100, 0.3, seed=2)])
    report = await rollout.report()
    assert report.verdict.verdict == "undecided"
    assert report.verdict.withheld is not None
    assert "0.0% of the predictions of the champion's arm" in report.verdict.withheld
    assert report.arms[0].labelled_share == 0.0


async def test_quality_tells_arms_apart(make: MakeRollout) -> None:
    rollout = make()
    rollout.change("split", 0.5)
    rollout.answer(listings(60, 0.5, arm="challenger", seed=1))
    rollout.answer(listings(40, 0.5, seed=2))
    challenger, champion = [await rollout.quality(f"arm {arm}") for arm in ("challenger", "champion")]
    assert (challenger.predictions, champion.predictions) == (60, 40)
    assert (challenger.mae or 0) < (champion.mae or 0)


async def test_classes_are_compared_by_accuracy(make: MakeRollout) -> None:
    rollout = make(domain="obesity")
    rollout.change()
    classes = rollout.domain.target.classes
    answered = [
        Answered(
            f"n{number}", 0.0 if number % 5 else 1.0, 0.0 if number % 10 else 2.0, classes[0], subject=f"s{number}"
        )
        for number in range(400)
    ]
    rollout.answer(answered)
    report = await rollout.report()
    assert report.verdict.gain == pytest.approx(0.1)
    assert report.verdict.verdict == "better"
    assert (report.arms[0].classes or {})[classes[1]] == pytest.approx(0.2)
    assert report.arms[0].mean is None


@pytest.mark.parametrize(
    ("guardrail", "options"),
    [
        ("fallback", {"failing": 0.05}),
        ("latency", {"took_ms": 3000}),
        ("cost", {"challenger_us": 500.0}),
        ("shift", {"shift": 20.0}),
    ],
)
async def test_guardrail_stops_the_rollout_and_is_named(
    make: MakeRollout, guardrail: str, options: dict[str, Any]
) -> None:
    rollout = make()
    rollout.change()
    answered = [each._replace(challenger=each.challenger + options.get("shift", 0.0)) for each in listings(400, 0.0)]
    failing = int(400 * options.get("failing", 0))
    answered = [each._replace(challenger=float("nan")) for each in answered[:failing]] + answered[failing:]
    rollout.answer(answered, options.get("took_ms", 5), options.get("challenger_us", 3.0))
    report = await rollout.report()
    assert [each.name for each in report.guardrails if each.is_broken] == [guardrail]
    (command,) = rollout.commands()
    assert (command.data.cause, command.data.guardrail) == ("guardrail", guardrail)
    stops = rollout.registry.get_sample_value("tasador_rollout_stops_total", {"cause": "guardrail"})
    assert stops == 1


async def test_poison_since_the_last_change_stops_the_rollout(make: MakeRollout) -> None:
    rollout = make()
    rollout.client.hset(rollout.streams.progress, mapping={"answered": 1000, "refused:poison": 500})
    rollout.change()
    await rollout.report()
    rollout.answer(listings(300, 0.0))
    assert not any(each.is_broken for each in (await rollout.report()).guardrails), "what was before is not counted"
    rollout.client.hincrby(rollout.streams.progress, "refused:poison", 30)
    await rollout.report()
    (command,) = rollout.commands()
    assert (command.data.guardrail, command.data.reason) == (
        "poison",
        "10.0% of all listings became poison of 300 answers, more than 0.01",
    )


async def test_listings_that_the_challenger_was_not_asked_about_are_no_failures(make: MakeRollout) -> None:
    """As after the death of a consumer, whose listings are tried alone, by the champion."""
    rollout = make()
    rollout.change()
    rollout.answer(listings(300, 0.0, seed=1))
    rollout.answer([each._replace(challenger=float("nan")) for each in listings(100, 0.0, seed=2)], challenger_us=0.0)
    report = await rollout.report()
    assert next(each.value for each in report.guardrails if each.name == "fallback") == 0
    assert rollout.commands() == []


async def test_few_answers_break_no_guardrail(make: MakeRollout) -> None:
    rollout = make()
    rollout.change()
    rollout.answer([each._replace(challenger=float("nan")) for each in listings(100, 0.0)])
    report = await rollout.report()
    assert not any(each.is_broken for each in report.guardrails)
    assert rollout.commands() == []


async def test_progressive_rollout_moves_on_step_by_step_and_is_promoted(make: MakeRollout) -> None:
    rollout = make(steps="shadow 0s, 0.05 1h, 0.5 0s")
    rollout.change(follows_steps=True)
    report = await rollout.report()
    assert (report.step, report.steps, report.waits_for) == (1, 3, "200 answers that guardrails need")
    rollout.answer(listings(300, 0.1))
    assert (await rollout.report()).waits_for == ""
    (adjust,) = rollout.commands()
    assert (adjust.type, adjust.data.mode, adjust.data.share) == ("rollout.adjust", "canary", 0.05)
    rollout.change("canary", 0.05, follows_steps=True)
    rollout.answer(listings(300, 0.1, arm="challenger", seed=2))
    waiting = (await rollout.report()).waits_for or ""
    assert "with guardrails that hold" in waiting
    assert len(rollout.commands()) == 1
    desired = rollout.change("canary", 0.5, follows_steps=True)
    assert (await rollout.report()).step == 3
    rollout.answer(listings(300, 0.1, arm="challenger", seed=3))
    await rollout.report()
    promote = rollout.commands()[-1]
    assert (promote.type, promote.data.version) == ("model.promote", desired.version)


async def test_broken_guardrail_keeps_a_progressive_rollout_from_moving_on(make: MakeRollout) -> None:
    rollout = make(steps="shadow 0s, 0.05 1h")
    rollout.change(follows_steps=True)
    rollout.answer(listings(300, 0.1), took_ms=3000)
    await rollout.report()
    (command,) = rollout.commands()
    assert (command.type, command.data.guardrail) == ("rollout.stop", "latency")


async def test_ended_rollout_keeps_its_report_and_frees_the_rest(make: MakeRollout) -> None:
    rollout = make()
    rollout.change()
    rollout.answer(listings(200, 0.3))
    report = await rollout.report()
    assert rollout.client.hlen(rollout.streams.rollout_units) == 200
    rollout.client.delete(rollout.streams.rollout)
    assert await rollout.reporter.report() is None
    assert not rollout.client.exists(rollout.streams.rollout_units)
    assert RolloutReport.model_validate_json(rollout.client.get(rollout.streams.rollout_report)) == report
    assert rollout.registry.get_sample_value("tasador_rollout_running") == 0


async def test_no_rollout_has_no_report_and_no_figures(make: MakeRollout) -> None:
    rollout = make()
    assert await rollout.reporter.report() is None
    assert rollout.client.exists(rollout.streams.rollout_report) == 0


async def test_verdicts_are_logged_as_their_outcomes_grow(make: MakeRollout) -> None:
    rollout = make()
    desired = rollout.change()
    counts = []
    for seed, count in enumerate((150, 2, 150)):
        rollout.answer(listings(count, 0.01, seed=seed))
        counts.append((await rollout.report()).verdict.outcomes)
        await rollout.report()
    assert counts == [150, 152, 302]
    entries: Any = rollout.client.xrange(rollout.streams.rollout_verdicts)
    logged = [LoggedVerdict.model_validate_json(fields[b"data"]) for _, fields in entries]
    assert {each.rollout for each in logged} == {desired.id}
    assert [each.verdict.outcomes for each in logged] == [150, 302], "two more outcomes say nothing new"
    widths = [(each.verdict.high or 0) - (each.verdict.low or 0) for each in logged]
    assert widths[0] > widths[1] > 0


async def test_it_says_that_pairs_are_trimmed_before_they_count(make: MakeRollout) -> None:
    rollout = make(mature_h=24.0)
    rollout.change()
    rollout.answer(listings(20, 0.3))
    assert (await rollout.report()).verdict.withheld is None
    # what the consumers' trimming leaves: later pairs, and a count of those before them
    rollout.client.hset(rollout.streams.progress, "pairs_trimmed", 20)
    verdict = (await rollout.report()).verdict
    assert verdict.verdict == "undecided"
    assert "trimmed after 0.0 h, and count from 24 h on: raise rollout.pairs_kept" in (verdict.withheld or "")
