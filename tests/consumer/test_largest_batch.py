"""The largest batch that the settings admit is committed in one call: Lua's `unpack` fails at about 8,000 values."""

from __future__ import annotations

from typing import Any

import pytest
import redis

from schemas.sections import BatchSettings
from schemas.streams import Streams
from tests.consumer.harness import count, event, outcomes, pending, publish, running, settings_for
from tests.waiting import wait_until_async
from transport.reading import scan

LARGEST = 5000


async def test_the_largest_batch_is_committed_at_once(
    redis_client: redis.Redis, streams: Streams, redis_url: str
) -> None:
    settings = settings_for(
        streams.prefix,
        batch={"max_records": LARGEST, "block_ms": 50},
        rate_limit={"events_per_s": 1e6, "burst": LARGEST},
        window={"full_batch_rows": LARGEST},
    )
    # a source for each listing gives a commit the most keys
    payloads = [
        event(f"l-{number}", source=f"/agency/{number}", replyto=f"asker-{number % 64}") for number in range(LARGEST)
    ]
    askers = [streams.replies(f"asker-{number}") for number in range(64)]
    for asker in askers:
        redis_client.xadd(asker, {"asker": "me"})
    first = publish(redis_client, streams, payloads)
    again = publish(redis_client, streams, payloads)
    async with running(redis_url, settings):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 2 * LARGEST)
        await wait_until_async(lambda: not pending(redis_client, streams))
    assert redis_client.xlen(streams.predictions) == LARGEST
    assert sum(redis_client.xlen(asker) - 1 for asker in askers) == 2 * LARGEST
    assert count(redis_client, streams, "repeats") == LARGEST
    assert outcomes(redis_client, streams) == dict.fromkeys(first + again, 1)
    ((_, written),) = list[Any](scan(redis_client, streams.window))
    assert written[b"count"] == str(LARGEST).encode()


async def test_the_largest_batch_of_dead_letters_is_committed_at_once(
    redis_client: redis.Redis, streams: Streams, redis_url: str
) -> None:
    settings = settings_for(streams.prefix, batch={"max_records": LARGEST, "block_ms": 50})
    entries = publish(redis_client, streams, [b"{"] * LARGEST)
    async with running(redis_url, settings):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == LARGEST)
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)


def test_the_settings_admit_no_larger_one() -> None:
    rules = BatchSettings.model_fields["max_records"].metadata
    (limit,) = (rule.le for rule in rules if hasattr(rule, "le"))
    assert limit == LARGEST


async def test_outcomes_too_large_for_one_commit_are_written_one_by_one(
    redis_client: redis.Redis, streams: Streams, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumer.batch_scorer.LARGEST_TEXT_BYTES", 3000)
    entries = publish(redis_client, streams, [b"\x01" * 1000] * 20 + [event(f"l-{number}") for number in range(20)])
    async with running(redis_url, settings_for(streams.prefix)):
        await wait_until_async(lambda: count(redis_client, streams, "answered") == len(entries))
    assert outcomes(redis_client, streams) == dict.fromkeys(entries, 1)
    assert redis_client.xlen(streams.dead_letters) == redis_client.xlen(streams.predictions) == 20
