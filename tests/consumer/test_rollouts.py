"""In a rollout each listing gets the answer of its arm, pairs are kept, and the champion steps in where it must."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from consumer.arm_scores import ArmScores
from consumer.consumer import Consumer
from consumer.served_model import ServedRollout
from registry.calibration import NumberCalibration
from schemas.classes import ClassThreshold, winners_of
from schemas.pairs import CHALLENGER_ARM, FALLBACK, HAS_SUBJECT
from schemas.streams import Streams
from tests.consumer.harness import (
    RM,
    ROW,
    Client,
    PlainScorer,
    answers,
    count,
    event,
    outcomes,
    pending,
    publish,
    publish_numbered,
    running,
    settings_for,
)
from tests.consumer.rollouts import (
    CHALLENGER,
    CHAMPION,
    ROLLOUT,
    OddScorer,
    carry_out,
    desired_rollout,
    is_concerned,
    served_challenger,
    stored_pairs,
    write_rollout,
)
from tests.consumer.test_replies import UserOfConsumer, user
from tests.waiting import wait_until_async

__all__ = ["user"]

ROOMS = ROW["RM"]


async def _answered(
    client: Client,
    url: str,
    streams: Streams,
    scorer: PlainScorer | None = None,
    payloads: int | list[bytes] = 100,
    **changes: Any,
) -> list[dict[str, Any]]:
    """The data of the predictions of some listings that a consumer answers in a rollout."""
    async with running(url, settings_for(streams.prefix)) as consumer:
        await carry_out(client, consumer, scorer, **changes)
        ids = (
            publish_numbered(client, streams, payloads)
            if isinstance(payloads, int)
            else publish(client, streams, payloads)
        )
        await wait_until_async(lambda: sum(outcomes(client, streams).values()) == len(ids))
    assert set(outcomes(client, streams).values()) == {1}
    assert not pending(client, streams)
    return [answer["data"] for answer in answers(client, streams.predictions)]


@pytest.mark.parametrize("pairs", [True, False])
async def test_a_canary_answers_its_share_and_names_arms(
    redis_client: Client, redis_url: str, streams: Streams, pairs: bool
) -> None:
    found = await _answered(redis_client, redis_url, streams, pairs=pairs)
    for data in found:
        is_mine = is_concerned(data["listing_id"])
        factor, version, activation = (CHALLENGER, "2", ROLLOUT) if is_mine else (CHAMPION, "1", "1-0")
        assert data["prediction"] == ROOMS * factor
        arm = "challenger" if is_mine else "champion"
        assert data["model"] == {"version": version, "activation": activation, "rollout": ROLLOUT, "arm": arm}
    concerned = sum(is_concerned(data["listing_id"]) for data in found)
    assert 30 < concerned < 70
    assert len(stored_pairs(redis_client, streams)) == (concerned if pairs else 0)


async def test_each_arm_has_the_interval_of_its_own_model(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    challenger = PlainScorer(CHALLENGER)
    challenger.calibration = NumberCalibration(0.8, 500, [], [-1.0], [2.0])
    found = await _answered(redis_client, redis_url, streams, challenger)
    arms = Counter(data["model"]["arm"] for data in found)
    assert arms["champion"] > 0
    assert arms["challenger"] > 0
    for data in found:
        price = data["prediction"]
        if data["model"]["arm"] == "challenger":
            assert (data["interval"], data["coverage"]) == ([price - 1, price + 2], 0.8)
        else:
            assert "interval" not in data
            assert "coverage" not in data


def test_each_arm_predicts_classes_by_the_threshold_of_its_own_model() -> None:
    scores = np.array([[0.7, 0.3], [0.7, 0.3], [0.4, 0.6]])
    by_challenger = np.array([False, True, True])
    challenger = replace(served_challenger(), threshold=ClassThreshold(name="yes", probability=0.25))
    arms = ArmScores(
        ServedRollout(desired_rollout(), challenger, 0),
        *(scores, scores, scores),
        np.zeros(3, dtype=np.uint32),
        *(by_challenger, by_challenger, by_challenger, by_challenger),
        *("raised", 1.0, 1.0),
    )
    classes = ("no", "yes")
    assert arms.winners(winners_of(scores, classes), classes).tolist() == [0, 1, 1]


async def test_a_shadow_is_answered_by_the_champion_and_paired(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    payloads = [event("a"), event("b", subject="house-7"), event("c", subject="house-7")]
    found = await _answered(redis_client, redis_url, streams, payloads=payloads, mode="shadow", share=1.0)
    model = {"version": "1", "activation": "1-0", "rollout": ROLLOUT, "arm": "champion"}
    assert [data["model"] for data in found] == [model] * 3
    pairs = stored_pairs(redis_client, streams)
    assert pairs["champion"].tolist() == [ROOMS * CHAMPION] * 3
    assert pairs["challenger"].tolist() == [ROOMS * CHALLENGER] * 3
    assert pairs["flags"].tolist() == [0, HAS_SUBJECT, HAS_SUBJECT]
    assert pairs["key"][1] == pairs["key"][2] != pairs["key"][0]
    written = [answer["id"] for answer in answers(redis_client, streams.predictions)]
    assert [f"{pair['ms']}-{pair['seq']}" for pair in pairs] == written
    _, fields = redis_client.xrange(streams.shadows)[0]
    assert (fields[b"rollout"], fields[b"activation"], fields[b"consumer"]) == (b"9-0", b"1-0", b"a")
    assert float(fields[b"challenger_us"]) > 0


async def test_the_window_has_the_rows_of_each_model_in_an_entry_of_its_own(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    found = await _answered(redis_client, redis_url, streams)
    sums: defaultdict[bytes, float] = defaultdict(float)
    counts: Counter[bytes] = Counter()
    for _, fields in redis_client.xrange(streams.window):
        sums[fields[b"activation"]] += float(fields[b"sum"])
        counts[fields[b"activation"]] += int(fields[b"count"])
    mine = sum(is_concerned(data["listing_id"]) for data in found)
    assert counts == {b"1-0": 100 - mine, b"9-0": mine}
    assert sums[b"9-0"] == pytest.approx(mine * ROOMS * CHALLENGER)
    assert count(redis_client, streams, "window_rows") == 100
    total = redis_client.hget(streams.progress, "prediction_sum")
    assert float(total) == pytest.approx(sum(sums.values()))


def _counted(consumer: Consumer, name: str, **labels: str) -> float | None:
    return consumer.registry.get_sample_value(name, labels)


def _fallbacks(consumer: Consumer, cause: str) -> float | None:
    return _counted(consumer, "tasador_rollout_fallbacks_total", cause=cause)


def _raise(*_: Any) -> Any:
    raise RuntimeError("boom")


def _refuse_to_score(_: Any) -> None:
    raise AssertionError("the challenger was asked")


def publish_and_hold(client: Client, streams: Streams, count_: int) -> None:
    """Publish listings and read them as a consumer that never answers, in one transaction."""
    with client.pipeline(transaction=True) as pipeline:
        for number in range(count_):
            pipeline.xadd(streams.listings, {"data": event(f"l-{number}")})
        pipeline.xreadgroup("scorers", "dead", {streams.listings: ">"})
        pipeline.execute()


def _nan_for_large(matrix: Any, prices: Any) -> Any:
    return np.where(matrix[:, RM] > ROOMS, np.nan, prices)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (_raise, "raised"),
        (lambda _, prices: prices * np.nan, "no_number"),
        (lambda _, prices: prices[:-1], "no_number"),
        (lambda *_: "twelve", "raised"),
    ],
)
async def test_where_the_challenger_has_no_answer_the_champion_answers(
    redis_client: Client, redis_url: str, streams: Streams, change: Any, cause: str
) -> None:
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        await carry_out(redis_client, consumer, OddScorer(change))
        publish_numbered(redis_client, streams, 50)
        await wait_until_async(lambda: len(answers(redis_client, streams.predictions)) == 50)
        mine = sum(is_concerned(f"l-{number}") for number in range(50))
        await wait_until_async(lambda: _fallbacks(consumer, cause) == mine)
    found = [answer["data"] for answer in answers(redis_client, streams.predictions)]
    fallback = {"version": "1", "activation": "1-0", "rollout": ROLLOUT, "arm": "challenger", "fallback": True}
    assert [data["model"] for data in found if is_concerned(data["listing_id"])] == [fallback] * mine
    assert {data["prediction"] for data in found} == {ROOMS * CHAMPION}
    pairs = stored_pairs(redis_client, streams)
    assert pairs["flags"].tolist() == [CHALLENGER_ARM | FALLBACK] * mine
    assert np.isnan(pairs["challenger"]).all()


async def test_one_listing_without_a_number_costs_its_neighbours_nothing(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    payloads = [event("small"), event("large", {**ROW, "RM": 8.0})]
    found = await _answered(redis_client, redis_url, streams, OddScorer(_nan_for_large), payloads, share=1.0)
    assert [(data["prediction"], data["model"].get("fallback")) for data in found] == [
        (ROOMS * CHALLENGER, None),
        (8.0 * CHAMPION, True),
    ]


async def test_what_is_tried_alone_is_scored_by_the_champion_only(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    """Entries that another consumer holds, as one does whose challenger has killed it."""
    redis_client.xgroup_create(streams.listings, "scorers", "0", mkstream=True)
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        scorer = PlainScorer(CHALLENGER, _refuse_to_score)
        await carry_out(redis_client, consumer, scorer, share=1.0)
        publish_and_hold(redis_client, streams, 20)
        await wait_until_async(lambda: len(answers(redis_client, streams.predictions)) == 20)
        await wait_until_async(lambda: _fallbacks(consumer, "alone") == 20)
        assert not _fallbacks(consumer, "raised")
    models = [answer["data"]["model"] for answer in answers(redis_client, streams.predictions)]
    assert {(model["arm"], model["fallback"], model["version"]) for model in models} == {("challenger", True, "1")}


async def test_repeats_and_refused_listings_have_no_pair(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    payloads = [event("a"), event("a"), b"no JSON", event("b")]
    await _answered(redis_client, redis_url, streams, payloads=payloads, mode="shadow", share=1.0)
    assert len(stored_pairs(redis_client, streams)) == count(redis_client, streams, "scored") == 2
    assert count(redis_client, streams, "pairs") == 2


async def test_pairs_that_cannot_be_written_cost_no_outcome(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    redis_client.set(streams.shadows, "not a stream")
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        await carry_out(redis_client, consumer, share=1.0)
        publish_numbered(redis_client, streams, 50)
        await wait_until_async(lambda: len(answers(redis_client, streams.predictions)) == 50)
        await wait_until_async(lambda: _counted(consumer, "tasador_rollout_pairs_total", result="failed") == 50)


async def test_old_pairs_are_trimmed(redis_client: Client, redis_url: str, streams: Streams) -> None:
    settings = settings_for(streams.prefix, rollout={"pairs_kept": 10}, batch={"max_records": 5, "block_ms": 50})
    async with running(redis_url, settings) as consumer:
        await carry_out(redis_client, consumer, mode="shadow", share=1.0)
        publish_numbered(redis_client, streams, 50)
        await wait_until_async(lambda: count(redis_client, streams, "scored") == 50)
        await wait_until_async(lambda: count(redis_client, streams, "pairs") <= 10)
    pairs = stored_pairs(redis_client, streams)
    assert len(pairs) == count(redis_client, streams, "pairs")
    last = json.loads(redis_client.xrevrange(streams.predictions, count=1)[0][1][b"data"])["id"]
    assert f"{pairs['ms'][-1]}-{pairs['seq'][-1]}" == last


async def test_without_a_rollout_nothing_is_named(redis_client: Client, redis_url: str, streams: Streams) -> None:
    async with running(redis_url, settings_for(streams.prefix)):
        publish_numbered(redis_client, streams, 10)
        await wait_until_async(lambda: len(answers(redis_client, streams.predictions)) == 10)
    models = [answer["data"]["model"] for answer in answers(redis_client, streams.predictions)]
    assert models == [{"version": "1", "activation": "1-0"}] * 10
    assert not redis_client.exists(streams.shadows)


async def test_without_rights_on_its_keys_every_listing_gets_its_outcome(
    redis_client: Client, streams: Streams, user: UserOfConsumer
) -> None:
    """A user from before there were rollouts; then one that may carry them out, but not keep pairs."""
    older = [f"~{streams.prefix}:{each}" for each in ("[^rs]*", "shards*", "ra*", "rep*")]
    redis_client.execute_command("ACL", "SETUSER", user.name, "resetkeys", *older)
    write_rollout(redis_client, streams, desired_rollout(share=1.0))
    async with running(user.url, settings_for(streams.prefix)) as consumer:
        publish_numbered(redis_client, streams, 10)
        await wait_until_async(lambda: count(redis_client, streams, "scored") == 10)
        assert consumer.health.is_ready
        assert any("no rollout is carried out" in reason for reason in consumer.health.reasons)
        assert any(reason.startswith("shadows: ") for reason in consumer.health.reasons)
        redis_client.execute_command("ACL", "SETUSER", user.name, f"~{streams.prefix}:rollout*")
        await carry_out(redis_client, consumer, share=1.0)
        # as if the right had been taken away after the check
        consumer.flows[0].committer.may_pair = True
        publish_numbered(redis_client, streams, 10, first=10)
        await wait_until_async(lambda: _counted(consumer, "tasador_rollout_pairs_total", result="forbidden") == 10)
    assert set(outcomes(redis_client, streams).values()) == {1}
    assert len(answers(redis_client, streams.predictions)) == 20
    assert not redis_client.exists(streams.shadows)
