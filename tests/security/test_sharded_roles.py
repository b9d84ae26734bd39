"""The roles work on the keys of shards as on those of a domain, and on no other prefix's."""

from __future__ import annotations

import asyncio

import pytest
import redis
from pydantic import SecretStr

from operations.resharding import Resharding
from operations.verify import published, verify
from producer import ListingPublisher
from schemas.settings import load_settings
from schemas.shards import ShardLayout
from schemas.streams import Streams
from tests.consumer.harness import event, running, settings_for
from tests.security.roles import Users, render
from tests.waiting import wait_until_async
from transport.connection import connect
from transport.shards import read_layout


async def test_client_consumer_and_operator_work_on_shards(
    users: Users, redis_client: redis.Redis, streams: Streams
) -> None:
    settings = load_settings(redis_url=SecretStr(users.url("client")), prefix=streams.prefix)
    async with running(users.url("consumer"), settings_for(streams.prefix, shards=2)):
        await wait_until_async(lambda: redis_client.hlen(streams.consumers))
        with ListingPublisher(settings) as publisher, connect(users.url("operator")) as operator:

            def work() -> None:
                publisher.publish_many(event(f"l-{n}", subject=f"house-{n}") for n in range(20))
                assert publisher.ask(event("asked"), 20).type == "listing.scored"
                done = Resharding(operator, streams, "housing", 300, 30).set(3)
                assert done.identities > 0
                repeats = publisher.publish_many(event(f"l-{n}", subject=f"house-{n}") for n in range(20))
                assert len(repeats) == 20

            await asyncio.to_thread(work)
            await wait_until_async(lambda: verify(operator, streams, published(operator, streams)).is_kept)
            verdict = verify(operator, streams, published(operator, streams))
            assert verdict.outcomes == {"prediction": 21, "repeat": 20}
    assert read_layout(redis_client, streams) == ShardLayout(count=3, read=3, epoch=1)
    assert users.denied() == []


@pytest.mark.parametrize(
    ("prefix", "keys"),
    [
        ("housing", ("~housing:predictions", "~housing.[0-9]*:predictions")),
        ("{housing}", ("~{housing}:predictions", "~{housing.[0-9]*}:predictions")),
    ],
)
def test_the_number_of_a_shard_stands_inside_the_hash_tag(prefix: str, keys: tuple[str, str]) -> None:
    lines = render({"reader": "secret"}, prefix)
    assert set(keys) <= {word.removeprefix("%R") for word in lines[1].split()}


@pytest.mark.parametrize("prefix", ["housing", "{housing}"])
def test_stored_features_are_of_no_shard_and_have_no_hash_tag(prefix: str) -> None:
    lines = render({"consumer": "secret"}, prefix)
    assert [word for word in lines[1].split() if "features" in word] == ["%R~housing:features:*"]
    assert Streams(prefix, 2).features("p") == "housing:features:p"
