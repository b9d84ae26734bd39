"""Answers to valid, incomplete and invalid listings."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from faststream.redis import RedisBroker
from numpy.typing import NDArray

from schemas.events import DeadLetter, Prediction
from schemas.rows import Matrix
from schemas.streams import Streams
from schemas.window import unpack_rows
from tests.consumer.harness import (
    HOUSING,
    PRICE_OF_ROW,
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
    served,
    settings_for,
)
from tests.waiting import wait_until_async


async def test_listing_published_before_the_first_start_is_scored(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    (entry,) = publish(redis_client, streams, [event("l-1", source="/agency/42", subject="property-981")])
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: redis_client.xlen(streams.predictions))
    (answer,) = answers(redis_client, streams.predictions)
    prediction = Prediction.model_validate(answer)
    assert (prediction.id, prediction.subject, prediction.source) == (entry, "property-981", "tasador/housing")
    assert (prediction.data.listing_id, prediction.data.listing_source) == ("l-1", "/agency/42")
    assert prediction.data.prediction == PRICE_OF_ROW
    assert prediction.data.model.activation == "1-0"


async def test_two_consumers_share_the_work(redis_client: Client, redis_url: str, streams: Streams) -> None:
    settings = settings_for(streams.prefix)
    seen: dict[str, int] = {"a": 0, "b": 0}

    def counting(name: str) -> Any:
        return lambda matrix: seen.__setitem__(name, seen[name] + len(matrix))

    async with (
        running(redis_url, settings, "a", served(before=counting("a"))),
        running(redis_url, settings, "b", served(before=counting("b"))),
    ):
        entries = publish_numbered(redis_client, streams, 2000)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 2000)
    assert min(seen.values()) > 0
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


async def test_gaps_are_named_and_counted(redis_client: Client, redis_url: str, streams: Streams) -> None:
    gaps = {**ROW, "LSTAT": None}
    del gaps["CRIM"]
    publish(redis_client, streams, [event("l-1", gaps), event("l-2")])
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 2)
    imputed = {a["data"]["listing_id"]: a["data"]["imputed"] for a in answers(redis_client, streams.predictions)}
    assert imputed == {"l-1": ["CRIM", "LSTAT"], "l-2": []}
    assert count(redis_client, streams, "imputed") == 1


async def test_value_that_training_never_saw_is_scored_and_named(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    model = served()
    model.high[HOUSING.columns.index("TAX")] = 711.0
    publish(redis_client, streams, [event("l-1", {**ROW, "TAX": 1500}), event("l-2")])
    async with running(redis_url, settings_for(streams.prefix), model=model):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 2)
    unusual = {a["data"]["listing_id"]: a["data"]["unusual"] for a in answers(redis_client, streams.predictions)}
    assert unusual == {"l-1": ["TAX"], "l-2": []}
    assert count(redis_client, streams, "unusual") == 1


BAD = {
    "empty": (b"", "not_json"),
    "not JSON": (b"{", "not_json"),
    "not UTF-8": (b'{"id":"\xff\xfe"}', "not_json"),
    "not an object": (b"[]", "not_an_event"),
    "no id": (json.dumps({"data": ROW}).encode(), "invalid_id"),
    "no data": (b'{"id":"x"}', "not_an_event"),
    "deep": (b'{"id":"x","data":' + b"[" * 5000, "too_large"),
    "unknown feature": (event("x", {**ROW, "POOL": 1}), "unknown_feature"),
    "missing feature": (event("x", {k: v for k, v in ROW.items() if k != "RM"}), "missing_feature"),
    "a list": (event("x", {**ROW, "RM": [6]}), "invalid_value"),
    "not a number": (event("x", {**ROW, "RM": float("nan")}), "invalid_value"),
    "out of range": (event("x", {**ROW, "RM": 99}), "out_of_range"),
    "too large": (b"x" * 70_000, "too_large"),
}


async def test_bad_input_becomes_dead_letters_and_its_neighbours_are_scored(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    expected: dict[str, tuple[bytes, str]] = {}
    good: list[str] = []
    for payload, reason in BAD.values():
        bad, neighbour = publish(redis_client, streams, [payload, event(f"good-{len(good)}")])
        expected[bad] = (payload, reason)
        good.append(neighbour)
    foreign: Any = redis_client.xadd(streams.listings, {"price": "12"})
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 2 * len(BAD) + 1)
    letters = {a["id"]: DeadLetter.model_validate(a) for a in answers(redis_client, streams.dead_letters)}
    assert {entry: letter.data.reason.value for entry, letter in letters.items()} == {
        **{entry: reason for entry, (_, reason) in expected.items()},
        foreign.decode(): "foreign_entry",
    }
    assert {entry: letters[entry].data.payload_bytes for entry in expected} == {
        entry: len(payload) for entry, (payload, _) in expected.items()
    }
    assert letters[foreign.decode()].data.payload == '{"price":"12"}'
    assert {a["id"] for a in answers(redis_client, streams.predictions)} == set(good)
    assert pending(redis_client, streams) == 0


async def test_listing_of_a_faststream_publisher_is_scored(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    async with RedisBroker(redis_url) as broker:
        await broker.publish({"id": "l-1", "data": ROW}, stream=streams.listings)
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: redis_client.xlen(streams.predictions))
    assert answers(redis_client, streams.predictions)[0]["data"]["listing_id"] == "l-1"


class BlindScorer(PlainScorer):
    """Scores listings with more than eight rooms as NaN."""

    def score(self, matrix: Matrix, /) -> NDArray[np.float64]:
        return np.where(matrix[:, RM] > 8, np.nan, super().score(matrix))


async def test_score_that_is_no_number_is_a_dead_letter(redis_client: Client, redis_url: str, streams: Streams) -> None:
    model = replace(served(), scorer=BlindScorer())
    publish(redis_client, streams, [event("small"), event("large", {**ROW, "RM": 9.0})])
    async with running(redis_url, settings_for(streams.prefix), model=model):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 2)
    assert answers(redis_client, streams.predictions)[0]["data"]["listing_id"] == "small"
    assert answers(redis_client, streams.dead_letters)[0]["data"]["reason"] == "poison"


async def test_window_holds_the_rows_and_the_sums(redis_client: Client, redis_url: str, streams: Streams) -> None:
    publish_numbered(redis_client, streams, 300)
    settings = settings_for(streams.prefix, batch={"max_records": 300}, window={"full_batch_rows": 100})
    async with running(redis_url, settings):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 300)
    entries: Any = redis_client.xrange(streams.window)
    assert sum(int(fields[b"count"]) for _, fields in entries) == 300
    assert sum(float(fields[b"sum"]) for _, fields in entries) == pytest.approx(300 * PRICE_OF_ROW)
    predicted = {a["id"]: a["data"]["prediction"] for a in answers(redis_client, streams.predictions)}
    rows = [row for _, fields in entries for row in unpack_rows(HOUSING, fields)]
    assert 100 <= len(rows) < 300
    assert all(predicted[f"{row['ms']}-{row['seq']}"] == row["prediction"] for row in rows)
    assert rows[0]["features"].tolist() == pytest.approx([float(v) for v in ROW.values()], rel=1e-6)


async def test_progress_knows_sum_and_squares(redis_client: Client, redis_url: str, streams: Streams) -> None:
    publish(redis_client, streams, [event("l-1", {**ROW, "RM": 5}), event("l-2", {**ROW, "RM": 7})])
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 2)
    progress: Any = redis_client.hgetall(streams.progress)
    assert float(progress[b"prediction_sum"]) == pytest.approx(24)
    assert float(progress[b"prediction_sum_squares"]) == pytest.approx(296)
