"""Some thousands of hostile entries; `make fuzz` runs millions."""

from __future__ import annotations

from itertools import chain
from random import Random
from typing import Any

import pytest

from operations.verify import verify
from schemas.events import DeadLetter
from schemas.streams import Streams
from tests.consumer.harness import Client, answers, count, event, pending, running, settings_for
from tests.hostile.decoding import decode_all
from tests.hostile.handling import CHUNK, handle_all, publish_fields, running_consumer
from tests.hostile.mutations import MUTATORS, Mutator, encode, entries, entry, listing
from tests.hostile.strategies import drawn_entries
from tests.waiting import wait_until_async
from transport.entries import EntryId

SEED = 20261121


def test_each_entry_is_accepted_or_refused_fast_and_briefly() -> None:
    figures = decode_all(entries(SEED, 5000))
    assert figures.outcomes.total() == 5000
    assert figures.outcomes["accepted"] > 500
    assert len(figures.outcomes) >= 9
    # processor seconds; an entry on which a parser goes wrong takes far more
    assert figures.slowest[0][0] < 0.1


def test_each_entry_from_hypothesis_is_accepted_or_refused() -> None:
    assert decode_all(drawn_entries(1000, SEED)).outcomes.total() == 1000


@pytest.mark.parametrize("mutate", MUTATORS, ids=lambda mutate: mutate.__name__.strip("_"))
def test_same_seed_makes_the_same_mutations(mutate: Mutator) -> None:
    first, second = ([mutate(r, encode(listing(r))) for _ in range(20)] for r in (Random(SEED), Random(SEED)))
    assert first == second


def test_each_entry_gets_one_outcome_and_the_consumer_survives(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    hostile = chain(drawn_entries(500, SEED), entries(SEED, 2500))
    with running_consumer(redis_url, streams.prefix) as process:
        figures = handle_all(redis_client, streams, process, hostile, lambda done: done)
    assert figures.outcomes.total() == 3000 < CHUNK
    assert set(figures.outcomes) == {"prediction", "dead_letter", "repeat"}
    letters = [DeadLetter.model_validate(letter) for letter in answers(redis_client, streams.dead_letters)]
    assert len(letters) == figures.outcomes["dead_letter"]
    assert not list(redis_client.scan_iter(streams.replies("*")))
    assert pending(redis_client, streams) == 0


async def test_each_entry_gets_one_outcome_under_a_rate_limit(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    settings = settings_for(streams.prefix, rate_limit={"events_per_s": 1, "burst": 100})
    async with running(redis_url, settings, "a"), running(redis_url, settings, "b"):
        ids = publish_fields(redis_client, streams, list(entries(SEED + 1, 1000)))
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 1000)
    assert verify(redis_client, streams, ids).is_kept
    assert redis_client.xlen(streams.rate_limited) > 200


async def test_valid_neighbours_are_answered_by_the_commit_of_their_batch(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    """Hostile entries take no second pass: one commit answers the whole batch."""
    random = Random(SEED)
    batch: list[dict[bytes, bytes]] = [*(entry(random) for _ in range(50)), {b"data": event("good")}]
    batch += [entry(random) for _ in range(49)]
    ids = publish_fields(redis_client, streams, batch)
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 100)
    assert verify(redis_client, streams, ids).is_kept
    commits = {
        EntryId.parse(written).ms for key in streams.written_answers for written, _ in entries_of(redis_client, key)
    }
    # from Redis 7 on a script sees one time, which is in the id of every entry that it writes
    if not str(redis_client.info("server")["redis_version"]).startswith("6."):
        assert len(commits) == 1
    assert ids[50] in {answer["id"] for answer in answers(redis_client, streams.predictions)}


def entries_of(client: Client, key: str) -> list[tuple[bytes, Any]]:
    """The entries of a stream."""
    return list(client.xrange(key))
