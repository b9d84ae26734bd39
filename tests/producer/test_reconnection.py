"""`tasador publish` goes on after a lost connection, or says how to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import redis
from typer.testing import CliRunner

from producer import ListingPublisher
from producer.reconnection import Reconnection
from schemas.errors import PublishInterruptedError, RedisUnavailableError
from schemas.settings import Settings
from schemas.streams import Streams
from tasador.cli.commands.publish import publish
from tests.consumer.harness import running, settings_for
from tests.producer.cutting_proxy import CuttingProxy
from tests.producer.stream import read_events
from tests.producer.test_lost_replies import LOST, PASSING, PAYLOADS, through
from tests.tasador.command import runner_of, use_redis
from tests.waiting import wait_until_async

COMMAND = runner_of(publish)
ROWS = 1500
_HEADER = "ID,CRIM,ZN,INDUS,CHAS,NOX,RM,AGE,DIS,RAD,TAX,PTRATIO,B,LSTAT\n"
_ROW = "home-{},0.006,18,2.31,0,0.538,6.575,65,4.09,1,296,15.3,396.9,{}\n"


@pytest.fixture
def homes(tmp_path: Path) -> Path:
    """A file of more listings than a chunk, the last of which is refused."""
    path = tmp_path / "homes.csv"
    rows = [_ROW.format(number, 4.98 if number < ROWS - 1 else 400) for number in range(ROWS)]
    path.write_text(_HEADER + "".join(rows), encoding="utf-8")
    return path


def test_a_publisher_goes_on_from_the_last_confirmed_listing(
    settings: Settings, redis_url: str, redis_client: redis.Redis, streams: Streams
) -> None:
    losses: list[PublishInterruptedError] = []
    with CuttingProxy(redis_url) as proxy:

        def on_lost(error: PublishInterruptedError) -> None:
            losses.append(error)
            proxy.heal()

        reconnection = Reconnection(20, on_lost)
        with ListingPublisher(through(proxy, settings), reconnection=reconnection) as publisher:
            publisher.publish(b'{"id":"first"}')
            proxy.cut_after(passing=PASSING, lost=LOST)
            entry_ids = publisher.publish_many(PAYLOADS)
    (loss,) = losses
    assert 0 < len(loss.entry_ids) < len(PAYLOADS)
    assert len(entry_ids) == len(set(entry_ids)) == len(PAYLOADS)
    arrived = [event["id"] for event in read_events(redis_client, streams)]
    assert set(arrived) == {"first", *(f"l-{number}" for number in range(len(PAYLOADS)))}
    assert len(arrived) > len(PAYLOADS) + 1, "some arrived twice, since only their confirmation was lost"


async def test_a_file_is_published_and_answered_across_a_lost_connection(
    redis_url: str, prefix: str, homes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with CuttingProxy(redis_url) as proxy:
        use_redis(monkeypatch, proxy.url, prefix)
        proxy.cut_after(passing=4000, lost=10_000)
        async with running(redis_url, settings_for(prefix)):
            arguments = (str(homes), "--id-column", "ID", "--strict", "--timeout", "60")
            publishing = asyncio.create_task(asyncio.to_thread(COMMAND.run, *arguments))
            await wait_until_async(proxy.has_cut.is_set, message="the connection is lost")
            proxy.heal()
            result = await publishing
    said = " ".join(result.stderr.split())
    assert said.count("reconnecting for up to 300 s, then going on where it stopped") == 1, said
    assert result.stdout.startswith("1,500 listings published in ")
    assert "1 refused" in result.stdout.splitlines()[-1]
    assert (result.exit_code, said.endswith("1 of 1,500 listings were refused")) == (1, True)


def test_it_stops_after_the_limit_and_says_how_to_go_on(
    redis_url: str,
    prefix: str,
    streams: Streams,
    redis_client: redis.Redis,
    homes: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = (str(homes), "--id-column", "ID")
    with CuttingProxy(redis_url) as proxy:
        use_redis(monkeypatch, proxy.url, prefix)
        proxy.cut_after(passing=26_000, lost=4_000)
        stopped = CliRunner().invoke(COMMAND.app, [*words, "--reconnect", "0.2"])
    assert isinstance(stopped.exception, RedisUnavailableError)
    assert "for the rest of a file repeat the command with --start-after 1000" in " ".join(stopped.stderr.split())
    assert proxy.has_cut.is_set()
    use_redis(monkeypatch, redis_url, prefix)
    rest = COMMAND.json(*words, "--start-after", "1000")
    assert rest["published"] == ROWS - 1000
    assert {event["id"] for event in read_events(redis_client, streams)} == {f"home-{n}" for n in range(ROWS)}


@pytest.mark.parametrize(("rows", "status"), [(ROWS - 1, 0), (ROWS, 1)])
async def test_strict_fails_only_if_a_listing_was_refused(
    redis_url: str, prefix: str, homes: Path, monkeypatch: pytest.MonkeyPatch, rows: int, status: int
) -> None:
    use_redis(monkeypatch, redis_url, prefix)
    async with running(redis_url, settings_for(prefix)):
        arguments = (str(homes), "--id-column", "ID", "--start-after", str(rows - 5), "--limit", "5")
        strict = await asyncio.to_thread(COMMAND.run, *arguments, "--strict")
        lenient = await asyncio.to_thread(COMMAND.run, *arguments, "--wait")
    assert (strict.exit_code, lenient.exit_code) == (status, 0)
