"""A source that sends too much gets dead letters; other sources are not affected."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator
from itertools import chain
from typing import Any

import pytest
import redis.asyncio
from redis.exceptions import ResponseError

from consumer.batch import ScoredBatch
from consumer.batch_scorer import BatchScorer
from consumer.committer import Committer, Receipt
from operations.dead_letters import DeadLetters
from operations.verify import verify
from schemas.settings import Settings
from schemas.streams import SCORERS, Streams
from tests.consumer.harness import (
    HOUSING,
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
from tests.waiting import wait_until_async
from transport.connection import connect_async
from transport.consumer_group import Entry
from transport.entries import EntryId
from transport.pipelined_connection import PipelinedConnection

FLOOD, QUIET = "/agency/flood", "/agency/quiet"


def limited_settings(prefix: str, events_per_s: float = 0.001, burst: int = 3, **changes: Any) -> Settings:
    """Settings under which a source may send a few events, and practically none after that."""
    return settings_for(prefix, rate_limit={"events_per_s": events_per_s, "burst": burst}, **changes)


def sources(client: Client, stream: str) -> Counter[str]:
    """Number of answers of each source in a stream."""
    return Counter(answer["data"]["listing_source"] for answer in answers(client, stream))


async def test_a_flood_is_limited_and_a_quiet_source_is_not(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    rate, burst, sent = 100.0, 50, 2000
    settings = limited_settings(streams.prefix, rate, burst)
    bad = publish(redis_client, streams, [event("bad", {**ROW, "RM": 99}, source=QUIET)])
    entries = list(bad)
    async with running(redis_url, settings, "a"), running(redis_url, settings, "b"):
        for first in range(0, sent, 100):
            flood = [event(f"f-{first + i}", source=FLOOD) for i in range(100)]
            entries += publish(redis_client, streams, [*flood, event(f"q-{first}", source=QUIET)])
        await wait_until_async(lambda: count(redis_client, streams, "answered") == len(entries))
        verdict = verify(redis_client, streams, entries)
    assert verdict.is_kept
    scored = sources(redis_client, streams.predictions)
    assert scored[QUIET] == sent // 100
    written = [EntryId.parse(entry_id).ms for entry_id, _ in redis_client.xrange(streams.predictions)]
    seconds = (written[-1] - written[0]) / 1000
    assert burst <= scored[FLOOD] <= burst + rate * seconds + 1
    assert count(redis_client, streams, "refused:rate_limited") == sent - scored[FLOOD]
    assert [answer["id"] for answer in answers(redis_client, streams.dead_letters)] == bad


async def test_a_flood_evicts_only_its_own_dead_letters(redis_client: Client, redis_url: str, streams: Streams) -> None:
    keep = {"interval_s": 0.02, "rate_limited": 100, "answers": 400}
    bad = publish(redis_client, streams, (event(f"bad-{i}", {**ROW, "RM": 99}, source=QUIET) for i in range(3)))
    async with running(redis_url, limited_settings(streams.prefix, retention=keep)):
        for first in range(0, 1500, 150):
            publish(redis_client, streams, (event(f"f-{first + i}", source=FLOOD) for i in range(150)))
            # trimming uses marks, and a mark is set when a consumer trims
            await wait_until_async(lambda: limited_by_marks(redis_client, streams) == 147 + first)  # noqa: B023
        await wait_until_async(lambda: redis_client.xlen(streams.rate_limited) <= 252)
    assert redis_client.xlen(streams.rate_limited) >= 100
    assert [answer["id"] for answer in answers(redis_client, streams.dead_letters)] == bad


def limited_by_marks(client: Client, streams: Streams) -> int:
    """Number of rate-limited listings in the newest mark; -1 without a mark."""
    newest = client.lindex(streams.trim_marks, -1)
    return int(json.loads(newest)["totals"][4]) if newest else -1


async def test_several_consumers_spend_from_one_bucket(redis_client: Client, redis_url: str, streams: Streams) -> None:
    settings = limited_settings(streams.prefix, burst=40, batch={"max_records": 5, "block_ms": 20})
    entries = publish(redis_client, streams, (event(f"l-{i}", source=FLOOD) for i in range(200)))
    async with running(redis_url, settings, "a"), running(redis_url, settings, "b"), running(redis_url, settings, "c"):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 200)
    assert (redis_client.xlen(streams.predictions), redis_client.xlen(streams.rate_limited)) == (40, 160)
    assert {letter["data"]["consumer"] for letter in answers(redis_client, streams.rate_limited)} > {"a"}
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


async def test_refused_listings_and_repeats_count_against_the_limit(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    """Otherwise a flood of invalid listings would evict the dead letters of other sources."""
    bad, same = event("x", {**ROW, "RM": 99}, source=FLOOD), event("y", source=QUIET)
    publish(redis_client, streams, [bad] * 10 + [same] * 10 + [b"junk", event("z"), b"junk", event("z"), b"junk"])
    async with running(redis_url, limited_settings(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 25)
    # in a batch, listings that can be scored spend from the bucket before those that cannot
    assert sources(redis_client, streams.dead_letters) == {FLOOD: 3, "": 1}
    assert sources(redis_client, streams.predictions) == {QUIET: 1, "": 1}
    assert sources(redis_client, streams.repeats) == {QUIET: 2, "": 1}
    assert sources(redis_client, streams.rate_limited) == {FLOOD: 7, QUIET: 7, "": 2}


async def test_a_limited_listing_says_why_and_can_be_published_again(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    publish(redis_client, streams, (event(f"l-{i}", source=FLOOD) for i in range(4)))
    async with running(redis_url, limited_settings(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 4)
        box = DeadLetters(redis_client, streams, is_rate_limited=True)
        (letter,) = box.newest()
        data = letter.event.data
        assert (data.reason, data.listing_id, data.listing_source) == ("rate_limited", "l-3", FLOOD)
        assert data.errors[0].message == "more than 3 at once and 0.001 a second after that"
        assert data.payload == event("l-3", source=FLOOD).decode()
        redis_client.delete(streams.bucket(FLOOD))
        again = box.replay(letter.entry_id, "ops")
        await wait_until_async(lambda: redis_client.xlen(streams.predictions) == 4)
    assert redis_client.xlen(streams.rate_limited) == 0
    assert verify(redis_client, streams, [letter.event.id, again]).is_kept


async def test_group_destroyed_after_a_flood(redis_client: Client, redis_url: str, streams: Streams) -> None:
    """Rate-limited listings are answered: a rebuilt group does not answer them again."""
    settings = limited_settings(streams.prefix, dedup_seconds=0)
    entries = publish(redis_client, streams, (event(f"l-{i}", source=FLOOD) for i in range(50)))
    async with running(redis_url, settings):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 50)
        redis_client.xgroup_destroy(streams.listings, SCORERS)
        entries += publish(redis_client, streams, (event(f"q-{i}", source=QUIET) for i in range(3)))
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 53)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


class SteppedConsumer:
    """Scores and commits batches step by step, under a limit of three events."""

    def __init__(self, client: redis.asyncio.Redis, streams: Streams) -> None:
        settings = limited_settings(streams.prefix)
        self.connection = PipelinedConnection(client, streams.listings)
        self._client, self._streams = client, streams
        self._scorer = BatchScorer(HOUSING, settings, "a")
        self._committer = Committer(self.connection, streams, HOUSING, settings, "a")

    async def score(self) -> ScoredBatch:
        """Read all new entries, and score them."""
        source: Any = {self._streams.listings: b">"}
        reply: Any = await self._client.xreadgroup(SCORERS, "a", source, 100)
        entries = [Entry(entry_id, [*chain(*fields.items())]) for _, found in reply for entry_id, fields in found]
        return self._scorer.score(self._scorer.decode(entries), served())

    async def commit(self, batch: ScoredBatch) -> Receipt:
        """Commit once."""
        return await self._committer.commit(batch)


@pytest.fixture
async def stepped(redis_url: str, streams: Streams) -> AsyncIterator[SteppedConsumer]:
    client = connect_async(redis_url)
    await client.xgroup_create(streams.listings, SCORERS, "0", mkstream=True)
    stepped = SteppedConsumer(client, streams)
    yield stepped
    await stepped.connection.close()
    await client.aclose()


async def test_a_commit_sent_again_spends_nothing(
    redis_client: Client, stepped: SteppedConsumer, streams: Streams
) -> None:
    publish(redis_client, streams, (event(f"l-{i}", source=FLOOD) for i in range(2)))
    batch = await stepped.score()
    assert (await stepped.commit(batch)).scored == 2
    spent = redis_client.get(streams.bucket(FLOOD))
    assert spent.startswith(b"1.000000 ")
    assert len((await stepped.commit(batch)).fenced) == 2
    assert redis_client.get(streams.bucket(FLOOD)) == spent


async def test_a_limited_listing_stays_pending_until_its_dead_letter_is_written(
    redis_client: Client, redis_url: str, stepped: SteppedConsumer, streams: Streams
) -> None:
    """If a consumer dies between the two commits, another one claims the listings."""
    entries = publish(redis_client, streams, (event(f"l-{i}", source=FLOOD) for i in range(8)))
    receipt = await stepped.commit(await stepped.score())
    assert (receipt.scored, [i.decode() for i in receipt.limited]) == (3, entries[3:])
    assert pending(redis_client, streams) == 5
    async with running(redis_url, limited_settings(streams.prefix), "b"):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 8)
    assert redis_client.xlen(streams.rate_limited) == 5
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


async def test_a_bucket_keeps_filling_when_the_clock_is_set_back(
    redis_client: Client, stepped: SteppedConsumer, streams: Streams
) -> None:
    (seconds, _), hour_s = redis_client.time(), 3600
    redis_client.set(streams.bucket(FLOOD), f"0.500000 {(seconds + hour_s) * 1000}")
    publish(redis_client, streams, [event("l-1", source=FLOOD)])
    assert len((await stepped.commit(await stepped.score())).limited) == 1
    level, since_ms = redis_client.get(streams.bucket(FLOOD)).split()
    assert (float(level), abs(int(since_ms) / 1000 - seconds) < 60) == (0.5, True)


async def test_a_bucket_of_the_wrong_type_changes_nothing(
    redis_client: Client, stepped: SteppedConsumer, streams: Streams
) -> None:
    publish(redis_client, streams, [event("l-1", source=FLOOD), event("l-2", source=QUIET)])
    redis_client.rpush(streams.bucket(FLOOD), "in the way")
    batch = await stepped.score()
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await stepped.commit(batch)
    assert not redis_client.exists(*streams.written_answers, streams.bucket(QUIET))
    assert pending(redis_client, streams) == 2


async def test_a_full_bucket_is_deleted(redis_client: Client, redis_url: str, streams: Streams) -> None:
    publish(redis_client, streams, (event(f"l-{i}", source=f"/agency/{i}") for i in range(20)))
    async with running(redis_url, limited_settings(streams.prefix, events_per_s=20)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 20)
        await wait_until_async(lambda: not list(redis_client.scan_iter(f"{streams.prefix}:rate-limit:*")))


async def test_nothing_is_limited_by_default(redis_client: Client, redis_url: str, streams: Streams) -> None:
    publish(redis_client, streams, (event(f"l-{i}", source=FLOOD) for i in range(300)))
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: redis_client.xlen(streams.predictions) == 300)
        assert not list(redis_client.scan_iter(f"{streams.prefix}:rate-limit*"))
