"""Under overload, or with a group that does not read, waiting is reported and memory stays bounded."""

from __future__ import annotations

import asyncio
import contextlib
import csv
import logging
from pathlib import Path
from typing import Any

import pytest

from consumer import maintenance
from operations.status import read_status
from schemas.settings import load_settings
from schemas.streams import SCORERS, Streams
from tasador.cli.commands.publish import publish
from tests.consumer.harness import Client, count, publish_numbered, running, settings_for
from tests.tasador.command import runner_of, use_redis
from tests.waiting import wait_until_async

HIGH_WATER = 1000
LISTINGS = 10 * HIGH_WATER


async def test_ten_times_the_high_water_mark_waits_and_is_answered_when_consumers_come_back(
    monkeypatch: pytest.MonkeyPatch, redis_client: Client, redis_url: str, prefix: str, streams: Streams, tmp_path: Path
) -> None:
    use_redis(monkeypatch, redis_url, prefix)
    monkeypatch.setenv("TASADOR_HIGH_WATER", str(HIGH_WATER))
    shown: list[str] = []
    update = "rich.progress.Progress.update"
    monkeypatch.setattr(update, lambda *_, description="", **__: shown.append(description))
    longest, memory = 0, 0

    async def watch() -> None:
        nonlocal longest, memory
        while True:
            longest = max(longest, int(redis_client.xlen(streams.listings)))
            memory = max(memory, int(redis_client.memory_usage(streams.listings) or 0))
            await asyncio.sleep(0.01)

    watching = asyncio.create_task(watch())
    answers = tmp_path / "answers.csv"
    arguments = ("--sample", str(LISTINGS), "--out", str(answers), "--timeout", "60")
    publishing = asyncio.create_task(asyncio.to_thread(runner_of(publish).json, *arguments))
    try:
        await wait_until_async(lambda: any(line.startswith("Waiting, backlog") for line in shown))
        assert not publishing.done()
        assert f"Waiting, backlog {redis_client.xlen(streams.listings):,}, high-water mark 1,000" in shown
        status = read_status(redis_client, streams, high_water=HIGH_WATER)
        assert any("has reached the high-water mark 1000" in reason for reason in status.reasons)
        keep = {"interval_s": 0.02, "listings": HIGH_WATER}
        settings = settings_for(prefix, retention=keep, high_water=HIGH_WATER)
        async with running(redis_url, settings), running(redis_url, settings, "b"):
            report = await asyncio.wait_for(publishing, 60)
    finally:
        while not publishing.done():
            # a failed test must not leave a thread that waits for the backlog to shrink
            redis_client.delete(streams.listings, streams.progress)
            await asyncio.sleep(0.05)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    assert report["answers"] == {"scored": LISTINGS}
    with answers.open(newline="") as file:
        assert sum(1 for row in csv.DictReader(file) if row["prediction"]) == LISTINGS
    # at most a chunk beyond the mark, and answered listings that have not been trimmed yet
    assert longest <= 5 * HIGH_WATER
    assert memory < LISTINGS * 150, "less than half of what all of them would take"


async def test_a_group_that_never_reads_is_reported_by_name(
    monkeypatch: pytest.MonkeyPatch, redis_client: Client, redis_url: str, streams: Streams, caplog: Any
) -> None:
    monkeypatch.setattr(maintenance, "_LOOK_S", 0.1)
    caplog.set_level(logging.INFO, "consumer.maintenance")
    redis_client.xgroup_create(streams.listings, "archivers", "0", mkstream=True)
    settings = settings_for(streams.prefix, retention={"interval_s": 0.05, "listings": 100})

    def blocking_groups() -> list[str]:
        return [
            blocking.group
            for blocking in read_status(redis_client, streams, retention=settings.retention).blocking_groups
        ]

    async with running(redis_url, settings) as consumer:
        publish_numbered(redis_client, streams, 90)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 90)
        assert blocking_groups() == [], "nothing had to be trimmed yet"
        publish_numbered(redis_client, streams, 110, first=90)
        await wait_until_async(lambda: count(redis_client, streams, "answered") == 200)
        status = read_status(redis_client, streams, retention=settings.retention)
        (reason,) = [reason for reason in status.reasons if "archivers" in reason]
        assert reason.startswith("group archivers has not read ")
        assert reason.endswith(" listings after 0-0, so they cannot be trimmed")
        assert status.state != "healthy"

        def held() -> float | None:
            return consumer.registry.get_sample_value("tasador_held_listings", {"group": "archivers"})

        await wait_until_async(lambda: held() is not None)
        assert [record.__dict__["group"] for record in caplog.records if record.levelname == "WARNING"] == ["archivers"]
        redis_client.xgroup_destroy(streams.listings, "archivers")
        await wait_until_async(lambda: held() is None)
        assert blocking_groups() == []
        await wait_until_async(lambda: "a group no longer blocks trimming" in caplog.messages)
        assert any(group["name"] == SCORERS.encode() for group in redis_client.xinfo_groups(streams.listings))


def test_retention_must_exceed_the_high_water_mark() -> None:
    settings = load_settings()
    assert settings.retention.listings >= settings.high_water
