"""Answers are copied to the streams of those who ask, and no reply ever costs a listing its outcome."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.exceptions import OutOfMemoryError

from consumer.consumer import Consumer
from consumer.replies import REPLY_RESULTS
from schemas.refusals import Reason
from schemas.rows import Matrix
from schemas.streams import Streams
from tests.conftest import StartRedis
from tests.consumer.harness import (
    RM,
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
from tests.waiting import wait_until_async
from transport.connection import connect

BAD_ROW = {**ROW, "RM": 99}


def open_stream(client: Client, streams: Streams, name: str) -> None:
    """Make an asker's stream as an asker does."""
    client.xadd(streams.replies(name), {"asker": name})
    client.pexpire(streams.replies(name), 60_000)


def replies(client: Client, streams: Streams, name: str) -> list[tuple[str, bytes]]:
    """The replies to an asker: the key of the answer's own stream, and the answer's JSON."""
    entries = client.xrange(streams.replies(name))
    return [(fields[b"stream"].decode(), fields[b"data"]) for _, fields in entries if b"stream" in fields]


def publish_beside(client: Client, streams: Streams, payloads: list[bytes], name: str | bytes) -> list[str]:
    """Publish payloads with a reply name in a field of their entries."""
    return [client.xadd(streams.listings, {"data": payload, "replyto": name}).decode() for payload in payloads]


def result_count(consumer: Consumer, result: str) -> float:
    return consumer.registry.get_sample_value("tasador_replies_total", {"result": result}) or 0


async def _wait_for_counts(consumer: Consumer, results: Sequence[str], counts: Sequence[float]) -> None:
    """Wait until a consumer has counted the replies of a commit, whose answers can be read a moment before."""
    await wait_until_async(lambda: [result_count(consumer, each) for each in results] == list(counts))


def written(client: Client, streams: Streams) -> list[tuple[str, bytes]]:
    """Every answer with its stream, sorted."""
    return sorted(
        (stream, fields[b"data"]) for stream in streams.written_answers for _, fields in client.xrange(stream)
    )


async def test_every_kind_of_answer_is_copied_as_it_is_on_its_own_stream(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    open_stream(redis_client, streams, "me")
    settings = settings_for(streams.prefix, rate_limit={"events_per_s": 0.001, "burst": 8}, max_deliveries=1)
    async with running(redis_url, settings) as consumer:
        publish(redis_client, streams, [event("l-1", replyto="me"), event("l-1", replyto="me")])
        publish(redis_client, streams, [event("bad", BAD_ROW, replyto="me"), b'{"id":"odd","replyto":"me"}'])
        publish_beside(redis_client, streams, [event("l-2"), b"junk", b"[" * 100_000, b""], "me")
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 8)
        publish(redis_client, streams, [event("beyond", replyto="me")])
        publish_beside(redis_client, streams, [b"more junk"], "me")
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 10)
        assert sorted(replies(redis_client, streams, "me")) == written(redis_client, streams)
        await _wait_for_counts(consumer, ("written",), [10])
    kinds = {stream for stream, _ in replies(redis_client, streams, "me")}
    assert kinds == set(streams.written_answers)


async def test_who_does_not_ask_gets_no_reply(redis_client: Client, redis_url: str, streams: Streams) -> None:
    open_stream(redis_client, streams, "me")
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        asked = publish(redis_client, streams, [event("a"), event("b", replyto="me"), b"junk", event("c")])[1]
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 4)
        publish(redis_client, streams, [event("d"), event("e", subject="house", explain=True)])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 6)
        await _wait_for_counts(consumer, ("written", "unread"), [1, 0])
    ((_, reply),) = replies(redis_client, streams, "me")
    assert json.loads(reply)["id"] == asked


async def test_the_field_counts_more_than_the_attribute(redis_client: Client, redis_url: str, streams: Streams) -> None:
    for name in ("attribute", "field"):
        open_stream(redis_client, streams, name)
    payloads = [event("a", replyto="attribute"), event("b", BAD_ROW, replyto="attribute")]
    publish_beside(redis_client, streams, payloads, "field")
    publish_beside(redis_client, streams, payloads, "Not A Name")
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 4)
    assert [len(replies(redis_client, streams, name)) for name in ("attribute", "field")] == [0, 2]


async def test_entries_answered_alone_and_poison_are_replied_to(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    def refuse_nine_rooms(matrix: Matrix) -> None:
        if (matrix[:, RM] == 9).any():
            raise ValueError("nine rooms")

    open_stream(redis_client, streams, "me")
    poison = event("poison", {**ROW, "RM": 9.0}, replyto="other")
    publish(redis_client, streams, [event("a", replyto="me")])
    publish_beside(redis_client, streams, [poison], "me")
    async with running(redis_url, settings_for(streams.prefix), model=served(before=refuse_nine_rooms)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 2)
    assert sorted(replies(redis_client, streams, "me")) == written(redis_client, streams)
    (letter,) = answers(redis_client, streams.dead_letters)
    assert letter["data"]["reason"] == Reason.POISON


async def test_a_score_that_is_no_number_is_replied_to(redis_client: Client, redis_url: str, streams: Streams) -> None:
    open_stream(redis_client, streams, "me")
    publish(redis_client, streams, [event("l-1", replyto="me")])
    async with running(redis_url, settings_for(streams.prefix), model=served(factor=float("nan"))):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1)
    assert replies(redis_client, streams, "me") == written(redis_client, streams)
    assert redis_client.xlen(streams.dead_letters) == 1


async def test_a_payload_that_is_gone_gets_no_reply(redis_client: Client, redis_url: str, streams: Streams) -> None:
    open_stream(redis_client, streams, "me")
    (gone,) = publish_beside(redis_client, streams, [event("l-1", replyto="me")], "me")
    read_and_die(redis_client, streams, "dead")
    redis_client.xdel(streams.listings, gone)
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1)
    (letter,) = answers(redis_client, streams.dead_letters)
    assert letter["data"]["reason"] == Reason.PAYLOAD_GONE
    assert replies(redis_client, streams, "me") == []


HOSTILE: list[Any] = [
    *(
        "../listings",
        ":listings",
        "a:b",
        "Upper",
        "é",
        "a" * 65,
        "a\n",
        "\na",
        " ",
        "",
        "a b",
        "*",
        "{x}",
        "a\x00",
        "-" * 60_000,
    ),
    *(5.5, 1.5, True, None, [], ["me"], {}, {"me": "me"}, [[[[["me"]]]]]),
]


async def test_a_name_that_is_none_is_ignored_and_never_becomes_a_key(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    # a stream under each of these keys would take a reply
    for name in (name for name in HOSTILE if isinstance(name, str) and name != "*"):
        redis_client.xadd(streams.replies(name), {"asker": "hostile"})
    keys = set(redis_client.scan_iter(f"{streams.prefix}:replies:*"))
    entries = publish(redis_client, streams, (event(f"l-{n}", replyto=name) for n, name in enumerate(HOSTILE)))
    entries += publish(redis_client, streams, (event(f"b-{n}", BAD_ROW, replyto=x) for n, x in enumerate(HOSTILE)))
    beside: list[str | bytes] = [*(str(name) for name in HOSTILE if name not in ("", None)), b"\xff\xfe", b"me\n"]
    for number, field in enumerate(beside):
        entries += publish_beside(redis_client, streams, [event(f"f-{number}")], field)
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        await wait_until_async(lambda: count(redis_client, streams, "answered") == len(entries))
        await _wait_for_counts(consumer, ("unread", "written", "too_many_names"), [0, 0, 0])
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert count(redis_client, streams, "scored") == len(HOSTILE) + len(beside)
    assert set(redis_client.scan_iter(f"{streams.prefix}:replies:*")) == keys
    assert all(redis_client.xlen(key) == 1 for key in keys)


async def test_the_longest_name_is_served(redis_client: Client, redis_url: str, streams: Streams) -> None:
    for name in ("0", "-", "z" * 64):
        open_stream(redis_client, streams, name)
        publish(redis_client, streams, [event(f"l-{name}", replyto=name)])
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 3)
    assert [len(replies(redis_client, streams, name)) for name in ("0", "-", "z" * 64)] == [1, 1, 1]


async def test_a_dead_asker_costs_no_outcome_and_gets_no_stream(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    redis_client.set(streams.replies("wrong-type"), "in the way")
    entries = publish(redis_client, streams, [event("a", replyto="gone"), event("b", replyto="wrong-type"), event("c")])
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 3)
        await _wait_for_counts(consumer, ("unread", "written"), [2, 0])
        assert consumer.health.reasons == ()
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert redis_client.get(streams.replies("wrong-type")) == b"in the way"
    assert not redis_client.exists(streams.replies("gone"))


async def test_ten_thousand_dead_askers_cost_no_outcome_and_no_reply_of_the_living_one(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    open_stream(redis_client, streams, "living")
    names = [f"dead-{number}" for number in range(10_000)]
    for place in range(0, len(names), 500):
        names[place] = "living"
    pipeline = redis_client.pipeline(transaction=False)
    for number, name in enumerate(names):
        pipeline.xadd(streams.listings, {"data": event(f"l-{number}", replyto=name)})
    entries = [entry_id.decode() for entry_id in pipeline.execute()]
    async with running(redis_url, settings_for(streams.prefix)) as consumer:
        await wait_until_async(lambda: count(redis_client, streams, "answered") == len(names), 60)
        await wait_until_async(lambda: sum(result_count(consumer, r) for r in REPLY_RESULTS) == len(names))
        assert result_count(consumer, "written") == 20
        assert consumer.registry.get_sample_value("tasador_commit_retries_total") == 0
        assert consumer.health.reasons == ()
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert len(replies(redis_client, streams, "living")) == 20
    assert [*redis_client.scan_iter(streams.replies("*"), count=1000)] == [streams.replies("living").encode()]


async def test_outcomes_and_replies_are_written_while_redis_takes_no_listings(
    private_redis: StartRedis, streams: Streams
) -> None:
    server = private_redis()
    with connect(server.url) as client:
        open_stream(client, streams, "me")
        first = publish(client, streams, [event("first", replyto="me")])
        async with running(server.url, settings_for(streams.prefix)):
            await wait_until_async(lambda: count(client, streams, "answered") == 1)
            # in one step, because a server at its limit takes no listings
            pipeline = client.pipeline()
            for number in range(50):
                pipeline.xadd(streams.listings, {"data": event(f"l-{number}", replyto=("me", "dead")[number % 2])})
            pipeline.config_set("maxmemory", 1)
            *entries, _ = pipeline.execute()
            with pytest.raises(OutOfMemoryError):
                publish(client, streams, [event("late")])
            await wait_until_async(lambda: count(client, streams, "answered") == 51)
            client.config_set("maxmemory", 0)
        assert outcomes(client, streams) == dict.fromkeys([*first, *(one.decode() for one in entries)], 1)
        assert len(replies(client, streams, "me")) == 26


async def test_a_batch_serves_so_many_names_and_answers_all(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    names = [f"n-{number}" for number in range(7)]
    for name in names:
        open_stream(redis_client, streams, name)
    payloads = [event(f"l-{number}", replyto=names[number % 7]) for number in range(70)]
    # one transaction, so that one read takes all
    pipeline = redis_client.pipeline()
    for payload in payloads:
        pipeline.xadd(streams.listings, {"data": payload})
    entries = [entry_id.decode() for entry_id in pipeline.execute()]
    async with running(redis_url, settings_for(streams.prefix, replies={"max_names": 5})) as consumer:
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 70)
        await _wait_for_counts(consumer, ("written", "too_many_names"), [50, 20])
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert [len(replies(redis_client, streams, name)) for name in names] == [10] * 5 + [0] * 2


@dataclass(frozen=True)
class UserOfConsumer:
    """A user who may do everything but, at first, write replies."""

    client: Client
    name: str
    url: str
    prefix: str

    def allow_replies(self, *, is_allowed: bool) -> None:
        # every key but those of replies
        patterns = [
            f"~{self.prefix}:{each}" for each in ("[^r]*", "ra*", "ro*", "repe*", *(["replies:*"] * is_allowed))
        ]
        self.client.execute_command("ACL", "SETUSER", self.name, "resetkeys", *patterns)


@pytest.fixture
def user(redis_client: Client, redis_url: str, streams: Streams) -> Iterator[UserOfConsumer]:
    name, address = f"u{uuid.uuid4().hex[:8]}", urlsplit(redis_url)
    redis_client.execute_command("ACL", "SETUSER", name, "reset", "on", ">p", "&*", "+@all")
    user = UserOfConsumer(redis_client, name, f"redis://{name}:p@{address.hostname}:{address.port}/0", streams.prefix)
    user.allow_replies(is_allowed=False)
    yield user
    redis_client.execute_command("ACL", "DELUSER", name)


async def test_without_the_right_to_reply_every_listing_gets_its_outcome(
    redis_client: Client, streams: Streams, user: UserOfConsumer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.consumer._RIGHTS_CHECK_S", 0.05)
    open_stream(redis_client, streams, "me")
    entries = publish(redis_client, streams, [event("a", replyto="me"), event("b")])
    async with running(user.url, settings_for(streams.prefix)) as consumer:
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 2)
        await wait_until_async(lambda: result_count(consumer, "forbidden") == 1)
        assert consumer.health.is_ready
        assert any(reason.startswith("replies: ") for reason in consumer.health.reasons)
        assert replies(redis_client, streams, "me") == []

        user.allow_replies(is_allowed=True)
        await wait_until_async(lambda: consumer.health.reasons == ())
        entries += publish(redis_client, streams, [event("c", replyto="me")])
        await wait_until_async(lambda: result_count(consumer, "written") == 1)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert len(replies(redis_client, streams, "me")) == 1


async def test_a_right_that_is_taken_away_costs_no_outcome(
    redis_client: Client, streams: Streams, user: UserOfConsumer
) -> None:
    user.allow_replies(is_allowed=True)
    open_stream(redis_client, streams, "me")
    entries = publish(redis_client, streams, [event("a", replyto="me")])
    async with running(user.url, settings_for(streams.prefix, claim_idle_ms=60_000)) as consumer:
        await wait_until_async(lambda: result_count(consumer, "written") == 1)
        user.allow_replies(is_allowed=False)
        entries += publish(redis_client, streams, [event(f"l-{n}", replyto="me") for n in range(50)])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 51)
        await wait_until_async(lambda: result_count(consumer, "forbidden") == 50)
        assert consumer.registry.get_sample_value("tasador_commit_retries_total") == 0
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert pending(redis_client, streams) == 0
    assert len(replies(redis_client, streams, "me")) == 1


async def test_the_oldest_server_serves_replies(private_redis: StartRedis, redis_6_2: Path, streams: Streams) -> None:
    server = private_redis(binary=redis_6_2)
    with connect(server.url) as client:
        assert str(client.info("server")["redis_version"]).startswith("6.2")
        open_stream(client, streams, "me")
        publish(client, streams, [event("a", replyto="me"), event("a", replyto="me"), event("b", replyto="gone")])
        publish_beside(client, streams, [b"junk"], "me")
        async with running(server.url, settings_for(streams.prefix)):
            await wait_until_async(lambda: count(client, streams, "answered") == 4)
        assert len(replies(client, streams, "me")) == 3
