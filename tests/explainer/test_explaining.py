"""Requests are answered once: with an explanation that adds up, or with the reason why there is none."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from explainer.answer_writer import AnswerWriter
from explainer.app import Explainer
from explainer.model_explainer import Attribution, ModelExplainer
from schemas.domain import load_domain
from schemas.explanations import ExplainedListing, ExplanationAnswer
from schemas.rows import Matrix, RowBuilder
from schemas.streams import EXPLAINERS, Streams
from tests.consumer.harness import ROW, activate, answers, event, publish, running
from tests.explainer.harness import (
    Client,
    answered,
    explaining,
    explanations,
    request_of,
    settings_of,
    write_requests,
)
from tests.models import SmallModel, made_up_rows
from tests.service.otlp_receiver import PARENT, SAMPLED, TRACE, OtlpReceiver, receiver, traced
from tests.waiting import wait_until_async
from transport.connection import connect_async

__all__ = ["receiver"]


def counted(explainer: Explainer, name: str, **labels: str) -> float:
    return explainer.registry.get_sample_value(name, labels) or 0


CONTRACT: TypeAdapter[Any] = TypeAdapter(ExplanationAnswer)


async def test_a_listing_is_explained_as_it_was_scored(
    redis_client: Client, redis_url: str, streams: Streams, small_model: SmallModel, tmp_path: Path
) -> None:
    activate(redis_client, streams, small_model)
    settings = settings_of(small_model, streams.prefix, tmp_path)
    gap = {**ROW, "LSTAT": None}
    async with running(redis_url, settings, is_following=True), explaining(redis_url, settings):
        publish(
            redis_client,
            streams,
            [event("a", explain=True, subject="house"), event("b"), event("c", gap, explain=True)],
        )
        await wait_until_async(lambda: redis_client.xlen(streams.explanations) == 2)
        await wait_until_async(lambda: redis_client.xlen(streams.explain) == 0)
    predictions = {each["data"]["listing_id"]: each for each in answers(redis_client, streams.predictions)}
    found = [ExplainedListing.model_validate(each) for each in explanations(redis_client, streams)]
    assert [each.data.listing_id for each in found] == ["a", "c"]
    for each in found:
        prediction = predictions[each.data.listing_id]
        assert each.id == prediction["id"]
        assert each.data.value == each.data.prediction == prediction["data"]["prediction"]
        assert each.data.model.model_dump(exclude_none=True) == prediction["data"]["model"]
        assert each.data.method == "tree_shap"
        assert each.data.unit == small_model.domain.target.unit
        total = each.data.base + sum(one.contribution for one in each.data.contributions)
        assert total == pytest.approx(each.data.value, rel=1e-4)
        sizes = [abs(one.contribution) for one in each.data.contributions]
        assert sizes == sorted(sizes, reverse=True)
    values = [{one.feature: one.value for one in each.data.contributions} for each in found]
    assert values == [ROW, gap]
    assert found[0].subject == "house"


def test_a_class_is_explained_by_its_probability() -> None:
    domain = load_domain("obesity")
    rows = RowBuilder(domain).matrix_of_frame(made_up_rows(domain, 60))

    class ClassScorer:
        card = SimpleNamespace(threshold=None)

        def score(self, matrix: Matrix, /) -> Matrix:
            weights = np.random.default_rng(1).normal(size=(rows.shape[1], len(domain.target.classes)))
            odds = np.exp((matrix - rows.mean(axis=0)) / rows.std(axis=0) @ weights / 2)
            return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    scorer: Any = ClassScorer()
    explainer = ModelExplainer(scorer, rows[:40], domain)
    assert explainer.method == "permutation_shap"
    for probabilities, found in zip(scorer.score(rows[40:]), explainer.explain(rows[40:]), strict=True):
        assert found.prediction == domain.target.classes[probabilities.argmax()]
        assert found.unit == f"probability of {found.prediction}"
        assert found.value == pytest.approx(probabilities.max(), rel=1e-9)
        assert found.base + found.contributions.sum() == pytest.approx(found.value, rel=1e-9)


async def test_what_cannot_be_explained_says_why(
    redis_client: Client, redis_url: str, streams: Streams, versions: dict[str, SmallModel], tmp_path: Path
) -> None:
    trees = versions["tree_shap"]
    good = request_of(trees, "1-9")
    elsewhere = json.dumps({"features": ROW, "digest": "0" * 64, "uri": "/etc"})
    empty = json.dumps({"features": {}, "digest": "", "uri": ""})
    requests: list[dict[str, Any]] = [
        {"data": "{}", "request": good["request"]},
        {"data": request_of(trees, "1-2")["data"]},
        {"data": request_of(trees, "1-3")["data"], "request": empty},
        request_of(trees, "1-4", {**ROW, "RM": "many"}),
        request_of(trees, "1-5") | {"request": elsewhere},
        request_of(versions["none"], "1-6"),
        good,
        request_of(versions["permutation_shap"], "1-8"),
    ]
    settings = settings_of(trees, streams.prefix, tmp_path)
    async with explaining(redis_url, settings) as explainer:
        write_requests(redis_client, streams, requests)
        await wait_until_async(lambda: redis_client.xlen(streams.explanations) == 8)
        await wait_until_async(lambda: counted(explainer, "tasador_explanations_total", kind="unexplained") == 6)
    found = {each["id"]: CONTRACT.validate_python(each) for each in explanations(redis_client, streams)}
    reasons = {entry: getattr(each.data, "reason", None) for entry, each in found.items()}
    assert reasons == {
        "": "invalid_request",
        "1-2": "invalid_request",
        "1-3": "invalid_request",
        "1-4": "invalid_request",
        "1-5": "model_rejected",
        "1-6": "no_method",
        "1-8": None,
        "1-9": None,
    }
    assert [found[entry].data.method for entry in ("1-9", "1-8")] == ["tree_shap", "permutation_shap"]
    assert "train it again" in found["1-6"].data.message
    assert redis_client.xlen(streams.explain) == 0


async def test_requests_of_a_dead_explainer_are_answered_once(
    redis_client: Client, redis_url: str, streams: Streams, small_model: SmallModel, tmp_path: Path
) -> None:
    redis_client.xgroup_create(streams.explain, EXPLAINERS, "0", mkstream=True)
    entries = [f"2-{number}" for number in range(30)]
    write_requests(redis_client, streams, [request_of(small_model, entry) for entry in entries])
    redis_client.xreadgroup(EXPLAINERS, "dead", {streams.explain: ">"}, count=20)
    redis_client.xreadgroup(EXPLAINERS, "x", {streams.explain: ">"}, count=5)
    gone = write_requests(redis_client, streams, [request_of(small_model, "9-9")])
    redis_client.xreadgroup(EXPLAINERS, "dead", {streams.explain: ">"}, count=6)
    redis_client.xdel(streams.explain, *gone)
    settings = settings_of(small_model, streams.prefix, tmp_path)
    async with explaining(redis_url, settings) as one, explaining(redis_url, settings, "y") as other:
        await wait_until_async(lambda: answered(redis_client, streams) == sorted(entries))
        await wait_until_async(lambda: not redis_client.xpending(streams.explain, EXPLAINERS)["pending"])
        gone_count = "tasador_gone_requests_total"
        await wait_until_async(lambda: counted(one, gone_count) + counted(other, gone_count) == 1)
    assert answered(redis_client, streams) == sorted(entries)


async def test_second_answer_writes_nothing(redis_client: Client, redis_url: str, streams: Streams) -> None:
    client = connect_async(redis_url)
    redis_client.xgroup_create(streams.explain, EXPLAINERS, "0", mkstream=True)
    ids = [redis_client.xadd(streams.explain, {"data": "{}"}) for _ in range(3)]
    redis_client.xreadgroup(EXPLAINERS, "x", {streams.explain: ">"}, count=2)
    writer = AnswerWriter(client, streams, "x", 100)
    first = await writer.write(dict.fromkeys(ids[:2], b"{}"))
    second = await writer.write(dict.fromkeys(ids, b"{}"))
    assert ((first.answered, first.fenced), (second.answered, second.fenced)) == ((2, frozenset()), (0, frozenset(ids)))
    assert redis_client.xlen(streams.explanations) == 2
    assert [entry for entry, _ in redis_client.xrange(streams.explain)] == ids[2:]
    await client.aclose()


async def test_group_destroyed_again_and_again(
    redis_client: Client, redis_url: str, streams: Streams, small_model: SmallModel, tmp_path: Path
) -> None:
    entries = [f"3-{number}" for number in range(400)]
    async with explaining(redis_url, settings_of(small_model, streams.prefix, tmp_path)):
        for first in range(0, 400, 40):
            write_requests(
                redis_client, streams, [request_of(small_model, entry) for entry in entries[first : first + 40]]
            )
            redis_client.xgroup_destroy(streams.explain, EXPLAINERS)
            await asyncio.sleep(0)
        await wait_until_async(lambda: redis_client.xlen(streams.explain) == 0)
    assert answered(redis_client, streams) == sorted(entries)


async def test_a_row_that_cannot_be_explained_is_given_up_and_its_neighbours_are_not(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    small_model: SmallModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    explain = ModelExplainer.explain

    def refuse_nine_rooms(self: ModelExplainer, matrix: Matrix) -> list[Attribution]:
        if (matrix == 9.5).any():
            raise ValueError("nine rooms")
        return [*explain(self, matrix)]

    monkeypatch.setattr(ModelExplainer, "explain", refuse_nine_rooms)
    rows = [ROW, {**ROW, "RM": 9.5}, {**ROW, "RM": 5.0}]
    write_requests(redis_client, streams, [request_of(small_model, f"4-{n}", row) for n, row in enumerate(rows)])
    settings = settings_of(small_model, streams.prefix, tmp_path, max_deliveries=2, claim_idle_ms=100)
    async with explaining(redis_url, settings):
        await wait_until_async(lambda: redis_client.xlen(streams.explanations) == 3)
    found = {each["id"]: each for each in explanations(redis_client, streams)}
    assert found["4-1"]["data"]["reason"] == "poison"
    assert {found[entry]["type"] for entry in ("4-0", "4-2")} == {"listing.explained"}


async def test_a_registry_that_is_away_costs_no_attempt(
    redis_client: Client, redis_url: str, streams: Streams, small_model: SmallModel, tmp_path: Path
) -> None:
    blocked = tmp_path / "models"
    blocked.write_text("no folder")
    write_requests(redis_client, streams, [request_of(small_model, "5-1")])
    settings = settings_of(small_model, streams.prefix, tmp_path, max_deliveries=1, claim_idle_ms=100)
    async with explaining(redis_url, settings) as explainer:
        await wait_until_async(lambda: any(each.startswith("model: ") for each in explainer.health.reasons))
        assert not redis_client.exists(streams.explanations)
        blocked.unlink()
        await wait_until_async(lambda: redis_client.xlen(streams.explanations) == 1)
    assert explanations(redis_client, streams)[0]["type"] == "listing.explained"


async def test_without_rights_it_is_not_ready_and_loses_nothing(
    redis_client: Client, redis_url: str, streams: Streams, small_model: SmallModel, tmp_path: Path
) -> None:
    name, address = f"u-{streams.prefix}", redis_url.partition("://")[2]
    rules = ("reset", "on", ">p", "&*", "+@all", f"~{streams.prefix}:explain", f"~{streams.prefix}:explainers")
    redis_client.execute_command("ACL", "SETUSER", name, *rules)
    write_requests(redis_client, streams, [request_of(small_model, "6-1")])
    try:
        settings = settings_of(small_model, streams.prefix, tmp_path)
        async with explaining(f"redis://{name}:p@{address}", settings) as explainer:
            await wait_until_async(lambda: any(each.startswith("rights: ") for each in explainer.health.reasons))
        assert redis_client.xlen(streams.explain) == 1
        async with explaining(redis_url, settings, "y") as explainer:
            await wait_until_async(lambda: redis_client.xlen(streams.explanations) == 1)
            await wait_until_async(lambda: explainer.health.is_ready)
            beats = redis_client.hgetall(streams.explainers)
            assert json.loads(beats[b"y"])["state"] in {"running", "waiting"}
    finally:
        redis_client.execute_command("ACL", "DELUSER", name)
    assert b"y" not in redis_client.hgetall(streams.explainers)


async def test_explanations_are_kept_up_to_their_number(
    redis_client: Client, redis_url: str, streams: Streams, small_model: SmallModel, tmp_path: Path
) -> None:
    write_requests(redis_client, streams, [request_of(small_model, f"7-{number}") for number in range(400)])
    async with explaining(redis_url, settings_of(small_model, streams.prefix, tmp_path, explain={"kept": 100})):
        await wait_until_async(lambda: redis_client.xlen(streams.explain) == 0)
    assert 100 <= redis_client.xlen(streams.explanations) < 300
    assert np.isfinite(explanations(redis_client, streams)[0]["data"]["value"])


async def test_a_request_is_followed_to_the_explainer(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    small_model: SmallModel,
    tmp_path: Path,
    receiver: OtlpReceiver,
) -> None:
    request = request_of(small_model)
    request["data"] = json.dumps({**json.loads(request["data"]), "traceparent": SAMPLED})
    write_requests(redis_client, streams, [request])
    async with explaining(redis_url, traced(settings_of(small_model, streams.prefix, tmp_path), receiver)):
        explained = await asyncio.to_thread(receiver.wait_for, "explain predictions")
    assert (explained.service, explained.links) == ("tasador-explainer", [(TRACE, PARENT)])
