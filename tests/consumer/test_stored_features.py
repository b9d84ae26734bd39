"""Listings take the features that they lack from the store, and no failure of the store costs one its outcome."""

from __future__ import annotations

import asyncio
import json
import math
import socket
import threading
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from consumer.batch_scorer import BatchScorer
from consumer.consumer import Consumer
from consumer.feature_store import FeatureStore
from consumer.lookup import Lookup
from consumer.redis_guard import RedisGuard
from schemas.domain import load_domain
from schemas.streams import Streams
from schemas.window import row_dtype
from service.health import Health
from tests.conftest import StartRedis
from tests.consumer.harness import (
    HOUSING,
    PRICE_OF_ROW,
    ROW,
    Client,
    answers,
    count,
    event,
    outcomes,
    pending,
    publish,
    running,
    served,
    settings_for,
)
from tests.consumer.test_recovery import read_and_die
from tests.waiting import wait_until, wait_until_async
from transport.connection import connect, connect_async
from transport.consumer_group import Entry
from transport.spread_connection import SpreadConnection

AT = datetime.now(UTC).isoformat()
ROOM = {name: value for name, value in ROW.items() if name != "RM"}


def store(client: Client, streams: Streams, subject: str, values: Mapping[str, Any], at: str | None = AT) -> None:
    """Store features as any client may."""
    client.hset(streams.features(subject), mapping={**values, **({} if at is None else {"at": at})})


def lacking(listing_id: str, subject: str, row: Mapping[str, Any] | None = None, **attributes: Any) -> bytes:
    """A listing with a subject and these features alone."""
    return json.dumps({"id": listing_id, "subject": subject, "data": row or {}, **attributes}).encode()


def counted(consumer: Consumer, metric: str, **labels: str) -> float:
    return consumer.registry.get_sample_value(f"tasador_{metric}_total", labels) or 0


def predictions(client: Client, streams: Streams) -> dict[str, dict[str, Any]]:
    """The data of each prediction, by the id of its listing."""
    return {each["data"]["listing_id"]: each["data"] for each in answers(client, streams.predictions)}


def letters(client: Client, streams: Streams) -> dict[str, dict[str, Any]]:
    return {each["data"]["listing_id"]: each["data"] for each in answers(client, streams.dead_letters)}


async def answered(client: Client, streams: Streams, expected: int) -> None:
    await wait_until_async(lambda: count(client, streams, "answered") == expected)


async def test_a_subject_alone_is_enough_and_the_window_has_the_whole_row(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    store(redis_client, streams, "property-981", ROW | {"colour": "red"})
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        publish(redis_client, streams, [lacking("whole", "property-981")])
        await answered(redis_client, streams, 1)
        await wait_until_async(lambda: counted(consumer, "feature_lookups", result="found") == 1)
        await wait_until_async(lambda: b'"lookups":{"found":1,' in redis_client.hget(streams.consumers, "a"))
        assert [counted(consumer, "stored_values", feature=name) for name in HOUSING.columns] == [1] * 13
    (prediction,) = predictions(redis_client, streams).values()
    assert prediction["stored"] == ROW
    assert [type(prediction["stored"][name]) for name in ("CHAS", "RAD", "RM")] == [int, int, float]
    assert (prediction["prediction"], prediction["imputed"]) == (PRICE_OF_ROW, [])
    ((_, packed),) = redis_client.xrange(streams.window)
    row = np.frombuffer(packed[b"rows"], dtype=row_dtype(HOUSING))
    assert row["features"].tolist() == [np.array([ROW[name] for name in HOUSING.columns], dtype="<f4").tolist()]


async def test_what_the_event_says_wins(redis_client: Client, redis_url: str, streams: Streams) -> None:
    store(redis_client, streams, "p", ROW | {"RM": 9, "LSTAT": 30})
    async with running(redis_url, settings_for(streams.prefix)):
        publish(
            redis_client,
            streams,
            [
                event("whole", subject="p"),
                lacking("rooms", "p", {"RM": 6.5}),
                event("null", ROOM | {"RM": 6.5, "LSTAT": None}, subject="p"),
                event("no subject", ROW | {"LSTAT": None}),
            ],
        )
        await answered(redis_client, streams, 4)
    found = predictions(redis_client, streams)
    assert {each["prediction"] for each in found.values()} == {PRICE_OF_ROW}
    assert "stored" not in found["whole"]
    assert found["rooms"]["stored"] == {name: value for name, value in ROOM.items() if name != "LSTAT"} | {"LSTAT": 30}
    assert found["null"]["stored"] == {"LSTAT": 30}, "null says nothing"
    assert "stored" not in found["no subject"]
    assert found["no subject"]["imputed"] == ["LSTAT"]


async def test_values_that_are_old_undated_or_not_valid_are_no_values(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    now = datetime.now(UTC)
    store(redis_client, streams, "old", ROW, (now - timedelta(hours=3)).isoformat())
    store(redis_client, streams, "fresh", ROW, (now - timedelta(hours=1)).isoformat())
    store(redis_client, streams, "undated", ROW, None)
    store(redis_client, streams, "no time", ROW, 'yesterday","2026-01-01T00:00:00Z')
    store(redis_client, streams, "no zone", ROW, now.replace(tzinfo=None).isoformat())
    odd = {"CRIM": 101, "ZN": "1,2", "CHAS": 0.5, "INDUS": "nan", "AGE": "x", "LSTAT": ""}
    store(redis_client, streams, "odd", ROW | odd)
    store(redis_client, streams, "future", ROW, (now + timedelta(days=1)).isoformat())
    subjects = ["old", "fresh", "undated", "no time", "no zone", "odd", "future", "unknown"]
    settings = settings_for(streams.prefix, features={"max_age_s": 7200})
    async with running(redis_url, settings) as consumer:
        publish(redis_client, streams, [lacking(subject, subject) for subject in subjects])
        await answered(redis_client, streams, 8)
        results = {"found": 3, "stale": 1, "undated": 3, "missing": 1, "failed": 0}
        await wait_until_async(
            lambda: {each: counted(consumer, "feature_lookups", result=each) for each in results} == results
        )
        names = (*odd, "RM")
        assert [counted(consumer, "invalid_stored_values", feature=name) for name in names] == [1, 1, 1, 1, 1, 0, 0]
    found, refused = predictions(redis_client, streams), letters(redis_client, streams)
    assert set(found) == {"fresh", "odd", "future"}
    assert found["odd"]["imputed"] == [name for name in HOUSING.columns if name in odd]
    assert found["odd"]["stored"] == {name: value for name, value in ROW.items() if name not in odd}
    assert {letter["reason"] for letter in refused.values()} == {"missing_feature"}
    required = [feature.column for feature in HOUSING.features if not feature.may_miss]
    assert [error["field"] for error in refused["old"]["errors"]] == required


async def test_a_listing_that_nothing_can_complete_is_refused_as_without_a_store(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    store(redis_client, streams, "some", {"NOX": 0.538, "DIS": 4.09, "RAD": 1})
    listings = [
        lacking("some", "some", {"TAX": 296, "PTRATIO": 15.3}, replyto="nobody"),
        event("no subject", ROOM | {"NOX": "much"}),
        event("value", ROOM | {"NOX": "much"}, subject="some"),
        event("unknown", {"COLOUR": "red"}, subject="some"),
        lacking("line\nbreak", "line\nbreak"),
        lacking("empty", ""),
        lacking("long", "x" * 257),
        event("good"),
    ]
    redis_client.hset(streams.features("line\nbreak"), mapping={k: str(v) for k, v in ROW.items()} | {"at": AT})
    async with running(redis_url, settings_for(streams.prefix)):
        publish(redis_client, streams, listings)
        await answered(redis_client, streams, len(listings))
    refused = letters(redis_client, streams)
    assert {each: letter["reason"] for each, letter in refused.items()} == {
        "some": "missing_feature",
        "no subject": "missing_feature",
        "value": "invalid_value",
        "unknown": "unknown_feature",
        "line\nbreak": "missing_feature",
        "empty": "not_an_event",
        "long": "not_an_event",
    }
    assert [error["field"] for error in refused["some"]["errors"]] == ["RM", "B"], "what is missing in both"
    assert json.loads(refused["some"]["payload"])["subject"] == "some"
    assert set(predictions(redis_client, streams)) == {"good"}


async def test_categories_are_stored_as_their_bare_text(redis_client: Client, redis_url: str, streams: Streams) -> None:
    domain = load_domain("obesity")
    categories = [feature for feature in domain.features if feature.categories]
    rest = {f.column: f.ge for f in domain.features if not f.categories}
    stored = {feature.column: feature.categories[-1] for feature in categories}
    store(redis_client, streams, "p", stored)
    settings = settings_for(streams.prefix, domain="obesity")
    async with connect_async(redis_url) as client:
        feature_store = FeatureStore(client, streams, domain, 86_400)
        scorer = BatchScorer(domain, settings, "a")
        batch = scorer.decode([Entry(b"1-0", [b"data", lacking("l", "p", rest)])])
        batch.lookup = feature_store.plan(batch)
        assert batch.lookup
        await feature_store.send(batch.lookup)
        assert await feature_store.receive(batch.lookup, RedisGuard(Health(1), lambda: None))
        feature_store.fill(batch, batch.lookup)
        await feature_store.close()
    assert json.loads(bytes(batch.stored[0])) == stored
    assert not np.isnan(batch.matrix).any()


async def test_a_store_that_cannot_be_read_costs_no_outcome(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    redis_client.set(streams.features("wrong"), "not a hash")
    store(redis_client, streams, "right", ROW)
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        listings = [lacking("wrong", "wrong"), lacking("few", "wrong", ROOM | {"RM": 6.5, "LSTAT": None})]
        publish(redis_client, streams, [*listings, lacking("right", "right"), event("whole")])
        await answered(redis_client, streams, 4)
        await wait_until_async(lambda: counted(consumer, "feature_lookups", result="failed") == 2)
    assert letters(redis_client, streams)["wrong"]["reason"] == "missing_feature"
    found = predictions(redis_client, streams)
    assert found["few"]["imputed"] == ["LSTAT"]
    assert found["right"]["stored"] == ROW


async def test_without_the_right_to_read_it_consumers_say_so_and_go_on(
    redis_client: Client, redis_url: str, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.consumer._RIGHTS_CHECK_S", 0.05)
    name, address = f"u{uuid.uuid4().hex[:8]}", urlsplit(redis_url)
    rights = ("reset", "on", ">p", "&*", "+@all", f"~{streams.prefix}:[^f]*")
    redis_client.execute_command("ACL", "SETUSER", name, *rights)
    store(redis_client, streams, "p", ROW)
    try:
        url = f"redis://{name}:p@{address.hostname}:{address.port}/0"
        async with running(url, settings_for(streams.prefix)) as consumer:
            few = {name: value for name, value in ROW.items() if name != "LSTAT"}
            publish(redis_client, streams, [lacking("alone", "p"), lacking("few", "p", few), event("whole")])
            await answered(redis_client, streams, 3)
            await wait_until_async(lambda: counted(consumer, "feature_lookups", result="failed") == 2)
            assert consumer.health.is_ready
            assert any(reason.startswith("features: ") for reason in consumer.health.reasons)
            assert set(predictions(redis_client, streams)) == {"few", "whole"}

            redis_client.execute_command("ACL", "SETUSER", name, f"~{streams.features('*')}")
            await wait_until_async(lambda: consumer.health.reasons == ())
            publish(redis_client, streams, [lacking("later", "p")])
            await answered(redis_client, streams, 4)
        assert predictions(redis_client, streams)["later"]["stored"] == ROW
    finally:
        redis_client.execute_command("ACL", "DELUSER", name)


async def test_nothing_is_looked_up_where_the_store_is_off(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    store(redis_client, streams, "p", ROW)
    async with running(redis_url, settings_for(streams.prefix, features={"is_on": False})):
        publish(redis_client, streams, [lacking("alone", "p"), event("null", ROW | {"LSTAT": None}, subject="p")])
        await answered(redis_client, streams, 2)
    assert letters(redis_client, streams)["alone"]["reason"] == "missing_feature"
    assert predictions(redis_client, streams)["null"]["imputed"] == ["LSTAT"]


async def test_lost_lookups_are_sent_again(
    redis_client: Client, redis_url: str, streams: Streams, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(redis_client, streams, "p", ROW)
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        publish(redis_client, streams, [lacking("first", "p")])
        await answered(redis_client, streams, 1)
        features = consumer.flows[0].scoring_loop.features
        send = features.send

        async def lose_first(lookup: Lookup) -> None:
            monkeypatch.undo()
            await send(lookup)
            (connection,) = features._connection._connections.values()
            raw: Any = connection._connection
            raw._writer.transport.abort()

        for number in range(5):
            monkeypatch.setattr(features, "send", lose_first)
            publish(redis_client, streams, [lacking(f"l-{number}-{i}", "p") for i in range(150)])
            await answered(redis_client, streams, 1 + 150 * (number + 1))
            assert features.send != lose_first
        assert counted(consumer, "feature_lookups", result="failed") == 0
    assert [each["stored"] for each in predictions(redis_client, streams).values()] == [ROW] * 751


async def test_a_restart_of_redis_during_a_lookup_refuses_no_listing(
    private_redis: StartRedis, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, streams = private_redis("--appendonly", "yes", "--appendfsync", "always"), Streams(prefix)
    restart = threading.Timer(0.3, server.start)
    with connect(server.url) as client:
        store(client, streams, "p", ROW)
        async with running(server.url, settings_for(prefix)) as consumer:
            send = consumer.flows[0].scoring_loop.features.send

            async def die_first(lookup: Lookup) -> None:
                monkeypatch.undo()
                server.kill()
                restart.start()
                await send(lookup)

            monkeypatch.setattr(consumer.flows[0].scoring_loop.features, "send", die_first)
            entries = publish(client, streams, [lacking(f"l-{i}", "p") for i in range(20)])
            await asyncio.to_thread(wait_until, restart.finished.is_set, message="a lookup was under way")
            await asyncio.to_thread(restart.join)
            await answered(client, streams, 20)
        assert outcomes(client, streams) == dict.fromkeys(entries, 1)
        assert [each["stored"] for each in predictions(client, streams).values()] == [ROW] * 20


async def test_values_are_shown_on_one_line_with_their_digits(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    store(
        redis_client, streams, "p", {"RM": "6.5\n", "LSTAT": " 7", "AGE": "8." + "0" * 50, "CHAS": "1.0", "TAX": "3e2"}
    )
    rest = {name: value for name, value in ROW.items() if name not in {"RM", "LSTAT", "AGE", "CHAS", "TAX"}}
    async with running(redis_url, settings_for(streams.prefix)):
        publish(redis_client, streams, [event("p", rest, subject="p"), event("whole")])
        await answered(redis_client, streams, 2)
    assert predictions(redis_client, streams)["p"]["stored"] == {"RM": 6.5, "LSTAT": 7, "AGE": 8, "CHAS": 1, "TAX": 300}
    assert redis_client.xlen(streams.predictions) == 2


async def test_a_lookup_that_is_lost_again_and_again_costs_no_outcome(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    store(redis_client, streams, "p", ROW)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = connect_async(f"redis://127.0.0.1:{closed.getsockname()[1]}")
        async with running(redis_url, settings_for(streams.prefix)) as consumer:
            consumer.flows[0].scoring_loop.features._connection = SpreadConnection(nobody)
            publish(redis_client, streams, [lacking("alone", "p"), event("null", ROW | {"LSTAT": None}, subject="p")])
            await answered(redis_client, streams, 2)
            await wait_until_async(lambda: counted(consumer, "feature_lookups", result="failed") == 2)
        await nobody.aclose()
    assert letters(redis_client, streams)["alone"]["reason"] == "missing_feature"
    assert predictions(redis_client, streams)["null"]["imputed"] == ["LSTAT"]


async def test_a_backlog_is_answered_in_order_and_each_batch_with_its_own_values(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    """More than a read takes, so that lookups are sent while the batch before is scored."""
    for number in range(50):
        store(redis_client, streams, f"p-{number}", {"RM": 2 + number / 10, "LSTAT": number})
    rest = ROOM | {"LSTAT": None}
    listings = [event(f"l-{i}", rest, subject=f"p-{i % 50}") if i % 7 else event(f"l-{i}") for i in range(1234)]
    publish(redis_client, streams, listings)
    async with running(redis_url, settings_for(streams.prefix)):
        await answered(redis_client, streams, 1234)
    found = predictions(redis_client, streams)
    assert list(found) == [f"l-{i}" for i in range(1234)]
    for i, data in enumerate(found.values()):
        if i % 7:
            assert data["stored"] == {"RM": 2 + i % 50 / 10, "LSTAT": i % 50}
            assert math.isclose(data["prediction"], 2 * (2 + i % 50 / 10), rel_tol=1e-6)
        else:
            assert data["prediction"] == PRICE_OF_ROW
    assert pending(redis_client, streams) == 0


async def test_listings_of_a_consumer_that_died_get_one_outcome_each(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    store(redis_client, streams, "p", ROW)
    entry_ids = publish(redis_client, streams, [lacking(f"l-{i}", "p") for i in range(30)])
    read_and_die(redis_client, streams, "a", 20)
    assert pending(redis_client, streams) == 20
    async with running(redis_url, settings_for(streams.prefix), "b"):
        await answered(redis_client, streams, 30)
    assert outcomes(redis_client, streams) == dict.fromkeys(entry_ids, 1)
    assert [each["stored"] for each in predictions(redis_client, streams).values()] == [ROW] * 30


async def test_a_score_that_is_no_number_refuses_the_filled_listing_alone(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    store(redis_client, streams, "p", ROW)
    store(redis_client, streams, "empty", {"NOX": 0.5})
    publish(redis_client, streams, [lacking("gone", "empty"), lacking("a", "p"), event("b")])
    async with running(redis_url, settings_for(streams.prefix), model=served(factor=float("nan"))):
        await answered(redis_client, streams, 3)
    reasons = [each["data"]["reason"] for each in answers(redis_client, streams.dead_letters)]
    assert reasons == ["missing_feature", "poison", "poison"]


@pytest.mark.parametrize("text", ["1e999", "1_0", " ", "[1]", "true", "1,2,3", "\udcff", '"6"', "1" * 10_000])
async def test_an_odd_value_leaves_its_neighbours_alone(
    redis_client: Client, redis_url: str, streams: Streams, text: str
) -> None:
    redis_client.hset(streams.features("odd"), mapping={"LSTAT": text.encode(errors="surrogateescape"), "at": AT})
    store(redis_client, streams, "p", {"LSTAT": 7})
    async with running(redis_url, settings_for(streams.prefix)):
        rest = ROW | {"LSTAT": None}
        publish(redis_client, streams, [event(each, rest, subject=each) for each in ("p", "odd")])
        await answered(redis_client, streams, 2)
    found = predictions(redis_client, streams)
    assert (found["p"]["stored"], found["odd"]["imputed"]) == ({"LSTAT": 7}, ["LSTAT"])
