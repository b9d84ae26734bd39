"""What-if: a changed listing is answered as the stream would answer it, and nothing is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from explainer.finding import find_predicted_row
from explainer.what_if import ask_explainer, changed_listing
from schemas.errors import ExplanationError
from schemas.events import DeadLetter, Prediction
from schemas.settings import Settings
from schemas.streams import Streams
from schemas.what_if import WhatIfAnswer, WhatIfQuestion
from tasador.cli.commands.explain import explain
from tests.consumer.harness import ROW, activate, answers, count, event, publish, running
from tests.explainer.harness import Client, explaining, settings_of
from tests.models import SmallModel
from tests.tasador.command import runner_of, use_redis
from tests.waiting import wait_until_async
from transport.connection import connect_async

COMMAND = runner_of(explain)


async def _score(client: Client, url: str, settings: Settings, payloads: list[bytes]) -> None:
    publish(client, settings.streams, payloads)
    async with running(url, settings, is_following=True):
        await wait_until_async(lambda: count(client, settings.streams, "answered") == len(payloads))


def _state(client: Client, streams: Streams) -> dict[str, Any]:
    """Everything in Redis that a listing would change."""
    keys = (*streams.all_of_consumer, streams.explanations, streams.outcomes)
    return {key: client.dump(key) for key in keys}


async def _ask(client: Client, url: str, settings: Settings, model: SmallModel, **changes: str) -> WhatIfAnswer:
    row = find_predicted_row(client, settings, model.domain, "l-1", None)
    asker = connect_async(url)
    try:
        return await ask_explainer(asker, settings, changed_listing(model.domain, row, changes))
    finally:
        await asker.aclose()


@pytest.mark.parametrize("method", ["tree_shap", "permutation_shap"])
async def test_what_if_answers_as_the_stream_does_and_counts_nothing(
    redis_client: Client, redis_url: str, streams: Streams, versions: dict[str, SmallModel], tmp_path: Path, method: str
) -> None:
    model = versions[method]
    activate(redis_client, streams, model)
    settings = settings_of(model, streams.prefix, tmp_path)
    gap = {name: value for name, value in ROW.items() if name != "LSTAT"}
    listings = [gap, {**gap, "RM": 8.2}, {**ROW, "CRIM": 99.5}]
    await _score(redis_client, redis_url, settings, [event(f"l-{n}", row) for n, row in enumerate(listings, start=1)])
    before = _state(redis_client, streams)
    async with explaining(redis_url, settings):
        same = await _ask(redis_client, redis_url, settings, model)
        larger = await _ask(redis_client, redis_url, settings, model, RM="8.2")
        filled = await _ask(redis_client, redis_url, settings, model, LSTAT="4.98", CRIM="99.5")
    written = {each["data"]["listing_id"]: each["data"] for each in answers(redis_client, streams.predictions)}
    for number, found in enumerate((same, larger, filled), start=1):
        assert isinstance(found.answer, Prediction)
        assert found.explanation is not None
        answered, expected = found.answer.data.model_dump(mode="json", exclude_none=True), written[f"l-{number}"]
        # a linear model sums up in another order for a batch of three
        for field in ("prediction", "interval"):
            assert answered.pop(field) == pytest.approx(expected.pop(field), rel=1e-12)
        assert answered == expected | {"listing_id": "l-1"}
        total = found.explanation.base + sum(each.contribution for each in found.explanation.contributions)
        assert total == pytest.approx(found.answer.data.prediction, rel=1e-4)
        assert found.explanation.method == method
    assert same.answer.data.imputed == ["LSTAT"]  # type: ignore[union-attr]
    assert (filled.answer.data.imputed, filled.answer.data.unusual) == ([], ["CRIM"])  # type: ignore[union-attr]
    assert larger.answer.data.prediction != same.answer.data.prediction  # type: ignore[union-attr]
    assert _state(redis_client, streams) == before
    assert redis_client.keys(f"{streams.what_if}*") == []


async def test_a_bad_value_is_refused_with_its_field_and_what_cannot_be_asked_says_why(
    redis_client: Client, redis_url: str, streams: Streams, versions: dict[str, SmallModel], tmp_path: Path
) -> None:
    model = versions["tree_shap"]
    activate(redis_client, streams, model)
    settings = settings_of(model, streams.prefix, tmp_path)
    await _score(redis_client, redis_url, settings, [event("l-1")])
    redis_client.rpush(streams.what_if, "no question")
    async with explaining(redis_url, settings):
        for field, value, reason in (
            ("RM", "-5", "out_of_range"),
            ("RM", "many", "invalid_value"),
            ("RM", "", "missing_feature"),
            ("CHAS", "0.5", "invalid_value"),
            ("ROOMS", "5", "unknown_feature"),
        ):
            found = await _ask(redis_client, redis_url, settings, model, **{field: value})
            assert isinstance(found.answer, DeadLetter), value
            assert (found.answer.data.reason, found.answer.data.errors[0].field) == (reason, field)
            assert found.why_not.startswith(f"the stream would refuse this ({reason}): {field}: ")
        activate(redis_client, streams, versions["none"])
        assert "train it again" in (await _ask(redis_client, redis_url, settings, model)).why_not
        redis_client.hset(streams.model, mapping={"digest": "0" * 64, "uri": "/etc"})
        assert (await _ask(redis_client, redis_url, settings, model)).problem is not None


async def test_a_question_is_bounded_in_time_and_number(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    small_model: SmallModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    activate(redis_client, streams, small_model)
    settings = settings_of(small_model, streams.prefix, tmp_path)
    await _score(redis_client, redis_url, settings, [event("l-1")])
    monkeypatch.setattr("explainer.what_if.TIMEOUT_S", 0.1)
    redis_client.rpush(streams.what_if, *map(str, range(150)))
    with pytest.raises(ExplanationError, match="no explainer answered"):
        await _ask(redis_client, redis_url, settings, small_model)
    assert redis_client.llen(streams.what_if) == 100
    assert 0 < redis_client.pttl(streams.what_if) <= 60_000
    question = WhatIfQuestion.model_validate_json(redis_client.lindex(streams.what_if, -1))
    async with explaining(redis_url, settings):
        await wait_until_async(lambda: redis_client.exists(streams.what_if_answer(question.id)))
        assert 0 < redis_client.pttl(streams.what_if_answer(question.id)) <= 60_000


async def test_the_command_asks_what_if(
    redis_client: Client,
    redis_url: str,
    streams: Streams,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    small_model: SmallModel,
) -> None:
    use_redis(monkeypatch, redis_url, streams.prefix)
    monkeypatch.setenv("TASADOR_HOME", str(small_model.settings.home))
    activate(redis_client, streams, small_model)
    settings = settings_of(small_model, streams.prefix, tmp_path)
    await _score(redis_client, redis_url, settings, [event("l-1"), event("l-2", {**ROW, "RM": 8.2})])
    before = _state(redis_client, streams)
    page = tmp_path / "what-if.html"
    text = COMMAND.text("l-1", "--set", "RM=8.2", "--set", "LSTAT=", "--html", str(page))
    assert "Listing l-1, if RM = 8.2, LSTAT = missing: " in text
    assert "predicted as it was published: " in text
    assert "imputed: LSTAT" in text
    assert "RM = 8.2" in page.read_text(encoding="utf-8")
    written = json.dumps(answers(redis_client, streams.predictions)[1]["data"]["prediction"])
    assert json.dumps(COMMAND.json("l-1", "--set", "RM=8.2")["answer"]["data"]["prediction"]) == written
    with pytest.raises(ExplanationError, match=r"refuse this \(out_of_range\): RM: "):
        COMMAND.run("l-1", "--set", "RM=-5")
    assert _state(redis_client, streams) == before
