"""The console of a domain whose shards lie on the masters of a cluster, one of which goes away for a while."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from producer import ListingPublisher
from schemas.streams import Streams
from tests.browser import find_browser
from tests.console.site import Site, site_on
from tests.listings import listing, read_boston_rows
from tests.redis_cluster import RedisCluster
from tests.sharding import set_shards
from transport.connection import connect

pytestmark = [
    pytest.mark.cluster,
    # redis-py's asynchronous cluster client forgets a node that is away, with connections that others still open to it
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
PREFIX, SHARDS, LISTINGS = "{console}", 3, 30


@pytest.fixture
def site(lone_masters: RedisCluster, tmp_path: Path) -> Iterator[Site]:
    with connect(lone_masters.url) as client:
        set_shards(client, Streams(PREFIX), SHARDS)
    with site_on(lone_masters, tmp_path / "home", find_browser(), prefix=PREFIX) as site:
        yield site


def test_views_show_all_shards_and_bear_that_one_has_no_node(site: Site, lone_masters: RedisCluster) -> None:
    cluster = lone_masters
    streams = site.settings.streams
    rows = read_boston_rows()
    with ListingPublisher(site.settings) as publisher:
        for number in range(LISTINGS):
            publisher.publish(listing(rows[number], f"l-{number}"))
    page = site.log_in("housing")
    predicted = page.locator(".flow.wide [data-station=predictions]")
    page.goto(f"{site.console.url}/housing")
    expect(predicted).to_contain_text(f"{LISTINGS} in all")
    for view in ("models", "data", "listing?text=l-3", "dead-letters"):
        page.goto(f"{site.console.url}/housing/{view}")
        expect(page.locator("h1")).to_be_visible()
        expect(page.get_by_role("alert")).to_have_count(0)
    first = cluster.owner(streams.listings)
    master = next(
        owner for number in range(SHARDS) if (owner := cluster.owner(streams.of_shard(number).listings)) is not first
    )
    master.kill()
    page.goto(f"{site.console.url}/housing")
    expect(page.get_by_role("alert")).to_contain_text("Redis does not answer")
    master.start()
    expect(page.get_by_role("alert")).to_have_count(0)
    page.close()
    assert site.problems == []
