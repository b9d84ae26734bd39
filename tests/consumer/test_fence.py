"""The commit writes outcomes exactly for the entries that it acknowledges, all or nothing."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import chain
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis
import redis.asyncio
from redis.exceptions import ResponseError

from consumer.batch import ScoredBatch
from consumer.batch_scorer import BatchScorer
from consumer.committer import Committer
from consumer.probe import try_commit
from consumer.served_model import ServedRollout
from schemas.arms import salt_of
from schemas.errors import ServerError
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
    publish_numbered,
    running,
    served,
    settings_for,
)
from tests.consumer.rollouts import (
    CHALLENGER,
    CHAMPION,
    SALT,
    desired_rollout,
    is_concerned,
    served_challenger,
    stored_pairs,
)
from tests.waiting import wait_until_async
from transport.connection import connect_async
from transport.consumer_group import Entry
from transport.pipelined_connection import PipelinedConnection


@dataclass
class FenceFixture:
    """Two committers with a scorer that makes batches for them."""

    client: redis.asyncio.Redis
    streams: Streams
    committer: Committer
    other: Committer
    scorer: BatchScorer

    async def read(self, name: str, count: int = 100) -> list[Entry]:
        source: Any = {self.streams.listings: b">"}
        reply: Any = await self.client.xreadgroup(SCORERS, name, source, count)
        return [Entry(entry_id, [*chain(*fields.items())]) for _, entries in reply for entry_id, fields in entries]

    async def score(self, name: str, count: int = 100) -> ScoredBatch:
        return self.scorer.score(self.scorer.decode(await self.read(name, count)), served())


@pytest.fixture
async def fence(redis_url: str, streams: Streams) -> AsyncIterator[FenceFixture]:
    settings = settings_for(streams.prefix)
    client = connect_async(redis_url)
    await client.xgroup_create(streams.listings, SCORERS, "0", mkstream=True)
    lines = [PipelinedConnection(client, streams.listings), PipelinedConnection(client, streams.listings)]
    one, other = (Committer(line, streams, HOUSING, settings, "a") for line in lines)
    yield FenceFixture(client, streams, one, other, BatchScorer(HOUSING, settings, "a"))
    for line in lines:
        await line.close()
    await client.aclose()


def everything(client: Client, streams: Streams) -> dict[str, Any]:
    """Every key under the prefix with its content."""
    return {key: client.dump(key) for key in streams.all_of_consumer}


async def test_second_commit_writes_nothing(redis_client: Client, fence: FenceFixture, streams: Streams) -> None:
    asker = streams.replies("me")
    redis_client.xadd(asker, {"asker": "me"})
    publish(redis_client, streams, [event("l-1", replyto="me"), b"junk", event("l-1", replyto="me")])
    batch = await fence.score("a")
    first = await fence.committer.commit(batch)
    assert (first.replies["written"], redis_client.xlen(asker)) == (2, 3)
    assert (first.scored, first.refused, first.repeated, first.fenced) == (1, 1, 1, ())
    before = everything(redis_client, streams)
    second = await fence.committer.commit(batch)
    assert (second.scored, second.refused, second.repeated, len(second.fenced)) == (0, 0, 0, 3)
    assert everything(redis_client, streams) == before
    assert redis_client.xlen(asker) == 3


async def test_partial_commit_in_a_rollout_keeps_pairs_and_rows_of_what_it_wrote(
    redis_client: Client, fence: FenceFixture, streams: Streams
) -> None:
    rooms = [4.0 + i / 8 for i in range(12)]
    ids = publish(redis_client, streams, (event(f"l-{i}", {**ROW, "RM": each}) for i, each in enumerate(rooms)))
    rollout = ServedRollout(desired_rollout(), served_challenger(), salt_of(SALT))
    batch = fence.scorer.score(fence.scorer.decode(await fence.read("a")), served(), rollout)
    mine = [is_concerned(f"l-{i}") for i in range(12)]
    gone = {mine.index(True), mine.index(False)}
    assert 2 < sum(mine) < 10
    redis_client.xack(streams.listings, SCORERS, *(ids[i] for i in gone))
    first = await fence.committer.commit(batch)
    assert (first.scored, len(first.fenced), first.pairs["written"]) == (10, 2, sum(mine) - 1)
    before = everything(redis_client, streams)
    assert (await fence.committer.commit(batch)).pairs == {"written": 0, "failed": 0, "forbidden": 0}
    assert everything(redis_client, streams) == before
    pairs = stored_pairs(redis_client, streams)
    written = [i for i in range(12) if mine[i] and i not in gone]
    assert [f"{pair['ms']}-{pair['seq']}" for pair in pairs] == [ids[i] for i in written]
    assert pairs["challenger"].tolist() == [rooms[i] * CHALLENGER for i in written]
    sums = {fields[b"arm"]: float(fields[b"sum"]) for _, fields in redis_client.xrange(streams.window)}
    theirs = sum(rooms[i] for i in range(12) if not mine[i] and i not in gone)
    assert sums == pytest.approx({b"challenger": pairs["challenger"].sum(), b"champion": theirs * CHAMPION})


async def test_partial_commit_counts_only_what_it_wrote(
    redis_client: Client, fence: FenceFixture, streams: Streams
) -> None:
    rows = [{**ROW, "RM": rooms} for rooms in (5.0, 6.0, 7.0)]
    entries = publish(redis_client, streams, (event(f"l-{i}", row) for i, row in enumerate(rows)))
    batch = await fence.score("a")
    redis_client.xack(streams.listings, SCORERS, entries[1])
    receipt = await fence.committer.commit(batch)
    assert (receipt.scored, receipt.fenced) == (2, (entries[1].encode(),))
    assert float(redis_client.hget(streams.progress, "prediction_sum")) == pytest.approx(24)
    ((_, window),) = redis_client.xrange(streams.window)
    assert len(window[b"rows"]) == 2 * (8 + 8 + 8 + 4 * 13)
    assert float(window[b"sum"]) == pytest.approx(24)


@pytest.mark.parametrize(
    "broken", ["predictions", "dead_letters", "repeats", "rate_limited", "window", "progress", "dedup_current"]
)
async def test_key_of_the_wrong_type_changes_nothing(
    redis_client: Client, fence: FenceFixture, streams: Streams, broken: str
) -> None:
    publish(redis_client, streams, [event("l-1"), b"junk"])
    batch = await fence.score("a")
    redis_client.set(getattr(streams, broken), "in the way")
    before = everything(redis_client, streams)
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await fence.committer.commit(batch)
    assert everything(redis_client, streams) == before
    assert pending(redis_client, streams) == 2


@dataclass(frozen=True)
class User:
    """A Redis user with too few rights."""

    name: str
    url: str


@pytest.fixture
def user(redis_client: Client, redis_url: str, streams: Streams) -> Any:
    name = f"u{uuid.uuid4().hex[:8]}"
    address = urlsplit(redis_url)
    rights = ["~*", "&*", "+@all"]
    redis_client.execute_command("ACL", "SETUSER", name, "reset", "on", ">p", *rights)
    yield User(name, f"redis://{name}:p@{address.hostname}:{address.port}/0")
    redis_client.execute_command("ACL", "DELUSER", name)


async def test_commit_whose_write_is_forbidden_loses_nothing(
    redis_client: Client, streams: Streams, user: User
) -> None:
    entries = publish_numbered(redis_client, streams, 50)
    async with running(user.url, settings_for(streams.prefix)) as consumer:
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 50)
        redis_client.execute_command("ACL", "SETUSER", user.name, "-xadd")
        entries += publish_numbered(redis_client, streams, 50, first=50)
        await wait_until_async(lambda: pending(redis_client, streams) > 0)
        await wait_until_async(lambda: any("redis" in reason for reason in consumer.health.reasons))
        assert redis_client.xlen(streams.predictions) == 50
        redis_client.execute_command("ACL", "SETUSER", user.name, "+xadd")
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 100)
        await wait_until_async(lambda: consumer.health.is_ready)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


async def test_missing_right_is_found_before_the_first_listing(
    redis_client: Client, streams: Streams, user: User
) -> None:
    redis_client.execute_command("ACL", "SETUSER", user.name, "-xadd")
    client = connect_async(user.url)
    with pytest.raises(ServerError, match=r"(?i)permission|can't run"):
        await try_commit(client, streams, HOUSING, settings_for(streams.prefix), "a")
    await client.aclose()
    async with running(user.url, settings_for(streams.prefix)) as consumer:
        await wait_until_async(lambda: any("scripts" in reason for reason in consumer.health.reasons))
        publish_numbered(redis_client, streams, 1)
        assert not redis_client.exists(streams.predictions)
        redis_client.execute_command("ACL", "SETUSER", user.name, "+xadd")
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1)


async def test_probe_leaves_no_key_behind(redis_client: Client, redis_url: str, streams: Streams) -> None:
    client = connect_async(redis_url)
    await try_commit(client, streams, HOUSING, settings_for(streams.prefix), "a")
    await client.aclose()
    assert list(redis_client.scan_iter(f"{streams.prefix}*")) == []


async def test_two_consumers_with_the_same_entries_give_one_outcome(
    redis_client: Client, fence: FenceFixture, streams: Streams
) -> None:
    entries = publish_numbered(redis_client, streams, 20)
    batch = await fence.score("a")
    redis_client.xclaim(streams.listings, SCORERS, "b", 0, entries, justid=True)
    receipts = await asyncio.gather(fence.committer.commit(batch), fence.other.commit(batch))
    assert sorted(receipt.scored for receipt in receipts) == [0, 20]
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert len(answers(redis_client, streams.predictions)) == 20
