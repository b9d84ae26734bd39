"""Asking: one call publishes a listing and returns its answer, for threads and for tasks."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from pydantic import SecretStr

from operations.verify import published
from producer import AsyncListingPublisher, ListingPublisher
from producer.replies import ReplyMatcher
from schemas.errors import NotAnsweredError, PublishInterruptedError, RefusedListingError
from schemas.settings import Settings, load_settings
from schemas.streams import Streams
from tasador import DeadLetter, Prediction, Repeat
from tests.conftest import StartRedis
from tests.consumer.harness import (
    PRICE_OF_ROW,
    ROW,
    Client,
    answers,
    outcomes,
    publish_numbered,
    running,
    settings_for,
)
from tests.waiting import wait_until_async
from transport.connection import connect

Ask = Callable[..., Awaitable[Prediction | DeadLetter | Repeat]]


@asynccontextmanager
async def asking_in_threads(settings: Settings, **options: Any) -> AsyncIterator[Ask]:
    """Calls of `ask` of one publisher, each in a thread."""
    publisher = ListingPublisher(settings, **options)

    def in_thread(*arguments: Any) -> Awaitable[Prediction | DeadLetter | Repeat]:
        future: asyncio.Future[Any] = loop.create_future()

        def call() -> None:
            try:
                loop.call_soon_threadsafe(future.set_result, publisher.ask(*arguments))
            except Exception as error:  # noqa: BLE001 - the test looks at it
                loop.call_soon_threadsafe(future.set_exception, error)

        threading.Thread(target=call).start()
        return future

    loop = asyncio.get_running_loop()
    try:
        yield in_thread
    finally:
        await asyncio.to_thread(publisher.close)


@asynccontextmanager
async def asking_in_tasks(settings: Settings, **options: Any) -> AsyncIterator[Ask]:
    """Calls of `aask` of one publisher."""
    async with AsyncListingPublisher(settings, **options) as publisher:
        yield publisher.aask


EITHER = pytest.mark.parametrize("asking", [asking_in_threads, asking_in_tasks], ids=["threads", "tasks"])
Asking = Callable[..., Any]


def house(listing_id: str, **row: Any) -> dict[str, Any]:
    return {"id": listing_id, "source": "/agency/1", "data": ROW | row}


def reply_streams(client: Client, streams: Streams) -> list[str]:
    return [key.decode() for key in client.scan_iter(streams.replies("*"))]


def is_waiting(client: Client, streams: Streams, listings: int = 1) -> bool:
    """Whether so many listings are published, with an asker that waits."""
    return bool(reply_streams(client, streams)) and client.xlen(streams.listings) >= listings


@EITHER
async def test_an_answer_of_every_kind_is_returned(
    asking: Asking, settings: Settings, redis_url: str, redis_client: Client, streams: Streams
) -> None:
    limit = {"events_per_s": 0.001, "burst": 3}
    async with running(redis_url, settings_for(streams.prefix, rate_limit=limit)), asking(settings) as ask:
        prediction = await ask(house("l-1"), 20)
        assert isinstance(prediction, Prediction)
        assert (prediction.data.listing_id, prediction.data.prediction) == ("l-1", PRICE_OF_ROW)

        repeat = await ask(house("l-1", RM=7.0), 20)
        assert isinstance(repeat, Repeat)
        assert repeat.prediction == prediction
        assert repeat.id != prediction.id

        refused = await ask(house("l-2", RM=99), 20)
        assert isinstance(refused, DeadLetter)
        assert refused.data.reason == "out_of_range"

        limited = await ask(house("l-3"), 20)
        assert isinstance(limited, DeadLetter)
        assert limited.data.reason == "rate_limited"

        junk = await ask(b"junk", 20)
        assert isinstance(junk, DeadLetter)
        assert (junk.data.reason, junk.data.payload) == ("not_json", "junk")
    assert reply_streams(redis_client, streams) == []
    assert len(outcomes(redis_client, streams)) == 5


@EITHER
async def test_every_shard_answers_an_asker(
    asking: Asking, settings: Settings, redis_url: str, redis_client: Client, streams: Streams
) -> None:
    async with running(redis_url, settings_for(streams.prefix, shards=3)) as consumer, asking(settings) as ask:
        await wait_until_async(lambda: len(consumer.flows) == 3)
        asked = await asyncio.gather(*(ask(house(f"h-{n}"), 30) for n in range(12)))
        again = await asyncio.gather(*(ask(house(f"h-{n}"), 30) for n in range(12)))
        shards = [streams.of_shard(number) for number in range(3)]
        assert all(len(reply_streams(redis_client, shard)) == 1 for shard in shards)
    assert len({answer.source for answer in asked}) == 3
    assert [answer.data.listing_id for answer in asked] == [f"h-{n}" for n in range(12)]
    assert all(isinstance(answer, Repeat) for answer in again)
    assert [answer.prediction for answer in again if isinstance(answer, Repeat)] == asked
    assert {answer.entry for answer in (*asked, *again)} == set(published(redis_client, streams))
    assert not any(reply_streams(redis_client, shard) for shard in shards)


@EITHER
async def test_a_listing_that_is_not_valid_is_not_sent(
    asking: Asking, settings: Settings, redis_client: Client, streams: Streams
) -> None:
    async with asking(settings, validate=True) as ask:
        with pytest.raises(RefusedListingError, match="out_of_range: RM"):
            await ask(house("l-1", RM=99), 20)
    assert not redis_client.exists(streams.listings)


@EITHER
async def test_a_hundred_at_once_share_one_reader_and_get_their_own_answers(
    asking: Asking, settings: Settings, redis_url: str, redis_client: Client, streams: Streams
) -> None:
    others = publish_numbered(redis_client, streams, 50)
    async with running(redis_url, settings_for(streams.prefix)), asking(settings) as ask:
        # each identity twice at once: one is predicted, the other is a repeat with that prediction
        asked = await asyncio.gather(*(ask(house(f"h-{n // 2}", RM=4 + n // 2 / 25), 30) for n in range(100)))
        assert len(reply_streams(redis_client, streams)) == 1
    predictions = [answer for answer in asked if isinstance(answer, Prediction)]
    repeats = [answer for answer in asked if isinstance(answer, Repeat)]
    assert (len(predictions), len(repeats)) == (50, 50)
    for number, answer in enumerate(asked):
        prediction = answer.prediction if isinstance(answer, Repeat) else answer
        assert isinstance(prediction, Prediction)
        assert prediction.data.listing_id == f"h-{number // 2}"
        assert prediction.data.prediction == pytest.approx(2 * (4 + number // 2 / 25))
    assert outcomes(redis_client, streams) == dict.fromkeys([*others, *(answer.id for answer in asked)], 1)


@EITHER
async def test_a_program_that_runs_twice_gets_the_same_prediction(
    asking: Asking, settings: Settings, redis_url: str, streams: Streams
) -> None:
    got: list[Any] = []
    async with running(redis_url, settings_for(streams.prefix)):
        for _ in range(2):
            async with asking(settings) as ask:
                got.append(await ask(house("l-1"), 20))
    assert isinstance(got[1], Repeat)
    assert got[1].prediction == got[0]


@EITHER
async def test_a_repeat_of_a_trimmed_prediction_is_still_an_answer(
    asking: Asking, settings: Settings, redis_url: str, redis_client: Client, streams: Streams
) -> None:
    async with running(redis_url, settings_for(streams.prefix)), asking(settings) as ask:
        await ask(house("l-1"), 20)
        redis_client.xtrim(streams.predictions, maxlen=0, approximate=False)
        repeat = await ask(house("l-1"), 20)
    assert isinstance(repeat, Repeat)
    assert repeat.data.first
    assert repeat.prediction is None


@EITHER
async def test_a_late_answer_is_not_given_to_a_later_listing_of_the_same_identity(
    asking: Asking, settings: Settings, redis_url: str, redis_client: Client, streams: Streams
) -> None:
    async with asking(settings) as ask:
        with pytest.raises(NotAnsweredError, match="its outcome will still come") as late:
            await ask(house("l-1", RM=99), 0.05)
        ((published, _),) = redis_client.xrange(streams.listings)
        assert late.value.entry_id == published.decode()
        assert published.decode() in str(late.value)
        corrected = asyncio.ensure_future(ask(house("l-1"), 30))
        await wait_until_async(partial(is_waiting, redis_client, streams, 2))
        async with running(redis_url, settings_for(streams.prefix)):
            answer = await corrected
    assert isinstance(answer, Prediction)
    assert [letter["id"] for letter in answers(redis_client, streams.dead_letters)] == [late.value.entry_id]


@EITHER
async def test_a_stream_that_expired_is_made_anew_while_a_listing_waits(
    asking: Asking, settings: Settings, redis_url: str, redis_client: Client, streams: Streams
) -> None:
    async with asking(settings) as ask:
        waiting = asyncio.ensure_future(ask(house("l-1"), 40))
        await wait_until_async(partial(is_waiting, redis_client, streams))
        (key,) = reply_streams(redis_client, streams)
        # as if the clock of Redis had been set back since: the new stream begins with a smaller id
        redis_client.xadd(key, {"asker": "from the future"}, id="99999999999999-0")
        await wait_until_async(lambda: redis_client.xlen(key) == 1)
        redis_client.pexpire(key, 1)
        await wait_until_async(lambda: not redis_client.exists(key))
        await wait_until_async(lambda: redis_client.pttl(key) > 0)
        async with running(redis_url, settings_for(streams.prefix)):
            assert isinstance(await waiting, Prediction)


@EITHER
async def test_a_stream_is_kept_from_expiring_and_trimmed(
    asking: Asking, settings: Settings, redis_url: str, redis_client: Client, streams: Streams
) -> None:
    async with running(redis_url, settings_for(streams.prefix)), asking(settings) as ask:
        await asyncio.gather(*(ask(house(f"l-{n}"), 30) for n in range(20)))
        (key,) = reply_streams(redis_client, streams)
        assert 0 < redis_client.pttl(key) <= 60_000
        redis_client.pexpire(key, 30_000)
        await wait_until_async(lambda: redis_client.pttl(key) > 50_000)
        await wait_until_async(lambda: redis_client.xlen(key) == 1)
        # what no consumer wrote does no harm
        for fields in ({"x": "y"}, {"data": b"\xff", "stream": "x"}, {"data": b"[]"}, {"data": b'{"id":5}'}):
            redis_client.xadd(key, fields)
        assert isinstance(await ask(house("after"), 20), Prediction)


def _reading(redis_client: Client) -> list[str]:
    """Ids of the clients that wait for an entry."""
    return [client["id"] for client in redis_client.client_list() if client["cmd"].lower() == "xread"]


@EITHER
async def test_a_connection_that_is_cut_while_a_listing_waits_costs_no_answer(
    asking: Asking, settings: Settings, redis_url: str, redis_client: Client, streams: Streams
) -> None:
    async with asking(settings) as ask:
        waiting = asyncio.ensure_future(ask(house("l-1"), 30))
        await wait_until_async(partial(is_waiting, redis_client, streams))
        await wait_until_async(lambda: _reading(redis_client) != [])
        for reader in _reading(redis_client):
            redis_client.client_kill_filter(_id=reader)
        async with running(redis_url, settings_for(streams.prefix)):
            assert isinstance(await waiting, Prediction)


@EITHER
async def test_redis_restarted_while_a_listing_waits(
    asking: Asking, private_redis: StartRedis, prefix: str, streams: Streams
) -> None:
    server = private_redis("--appendonly", "yes")
    settings = load_settings(redis_url=SecretStr(server.url), prefix=prefix)
    async with asking(settings) as ask:
        with connect(server.url) as client:
            waiting = asyncio.ensure_future(ask(house("l-1"), 40))
            await wait_until_async(partial(is_waiting, client, streams))
            (key,) = reply_streams(client, streams)
        await asyncio.to_thread(server.stop)
        with pytest.raises(PublishInterruptedError, match="unconfirmed: 1"):
            await ask(house("l-2"), 40)
        await asyncio.to_thread(server.start)
        async with running(server.url, settings_for(prefix)):
            assert isinstance(await waiting, Prediction)
            assert isinstance(await ask(house("l-2"), 40), Prediction)
        with connect(server.url) as client:
            assert reply_streams(client, streams) == [key]


async def test_closing_ends_the_thread_at_once(
    settings: Settings, redis_url: str, redis_client: Client, streams: Streams
) -> None:
    async with running(redis_url, settings_for(streams.prefix)):
        publisher = ListingPublisher(settings)
        await asyncio.to_thread(publisher.ask, house("l-1"), 20)
        (key,) = reply_streams(redis_client, streams)
        name = key.removeprefix(streams.replies(""))
        assert name in {thread.name for thread in threading.enumerate()}
        begin = time.monotonic()
        await asyncio.to_thread(publisher.close)
        assert time.monotonic() - begin < 0.9, "the read that waits is woken"
    assert name not in {thread.name for thread in threading.enumerate()}
    assert not redis_client.exists(key)


def test_a_reply_may_overtake_the_reply_to_its_listing() -> None:
    matcher, early, late = ReplyMatcher(), Future[bytes](), Future[bytes]()
    with matcher.sending():
        matcher.receive([{b"data": b'{"id":"1-0"}'}, {b"data": b'{"id":"2-0"}'}])
        matcher.expect("1-0", early)
    assert early.result(0) == b'{"id":"1-0"}'
    with matcher.sending():
        matcher.expect("2-0", late)
    assert not late.done(), "kept only while a listing was being sent"
    matcher.receive([{b"data": b'{"id":"2-0"}'}, {b"data": b'{"id":"2-0"}'}])
    assert late.result(0) == b'{"id":"2-0"}'
