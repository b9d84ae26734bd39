"""Redis's clock jumps; the product reads no other. Needs libfaketime (`apt-get install libfaketime`)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from schemas.streams import Streams
from tests.conftest import StartRedis
from tests.consumer.harness import Client, count, event, outcomes, running, settings_for
from tests.faults.conftest import Record, StartRound
from tests.waiting import wait_until_async

LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)


@pytest.mark.faults
@pytest.mark.skipif(LIBRARY is None, reason="needs libfaketime: apt-get install libfaketime")
def test_clock_of_redis_jumps(
    private_redis: StartRedis,
    start_round: StartRound,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record: Record,
) -> None:
    """An hour forward, everything in hand looks abandoned; back again, entry ids continue from the highest."""
    offset = tmp_path / "offset"
    offset.write_text("+0")
    with monkeypatch.context() as environment:
        environment.setenv("LD_PRELOAD", str(LIBRARY))
        environment.setenv("FAKETIME_TIMESTAMP_FILE", str(offset))
        environment.setenv("FAKETIME_NO_CACHE", "1")
        environment.setenv("DONT_FAKE_MONOTONIC", "1")
        server = private_redis()
    round_ = start_round(server.url)
    for run in round_.runs:
        run.score_ms = 5
    round_.start("a", "b")
    with round_.client() as client:
        for jump in ("+3600", "+3598", "+90000", "+0"):
            before = client.time()[0]
            offset.write_text(jump)
            assert abs(client.time()[0] - before) >= 1
            round_.count(jumps=1)
            round_.wait_for_answers()
            for run in round_.runs:
                run.kill("a")
                run.start("a")
            time.sleep(0.5)
    figures = round_.finish()
    assert figures["claimed"] > 0
    record(figures)


async def test_entries_from_a_future_clock_are_answered_once(
    redis_client: Client, redis_url: str, streams: Streams
) -> None:
    """A jump leaves ids a year ahead, after which Redis only increments the sequence number."""
    future = redis_client.time()[0] * 1000 + 365 * 86_400_000
    ids = [redis_client.xadd(streams.listings, {"data": event("l-0")}, id=f"{future}-0").decode()]
    redis_client.xadd(streams.predictions, {"data": b'{"id":"0-1"}'}, id=f"{future}-0")
    async with running(redis_url, settings_for(streams.prefix)):
        ids += [redis_client.xadd(streams.listings, {"data": event(f"l-{i}")}).decode() for i in range(1, 50)]
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 50)
    assert ids[-1] == f"{future}-49"
    answered = outcomes(redis_client, streams)
    assert {entry: answered[entry] for entry in ids} == dict.fromkeys(ids, 1)
