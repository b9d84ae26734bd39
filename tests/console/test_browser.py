"""The console in a real browser, beside a running system: it shows what Redis holds, and operators act through it."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import redis
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from pydantic import SecretStr

from operations.keys import add_key
from schemas.settings import Settings
from schemas.streams import DATA_FIELD
from tests.browser import find_browser
from tests.conftest import own_prefix
from tests.console.running import RunningConsole, running_applications, running_console
from tests.listings import read_boston_rows
from tests.models import train_small_model
from tests.waiting import wait_until
from transport.connection import connect

pytestmark = [pytest.mark.long, pytest.mark.timeout(240), pytest.mark.xdist_group("console")]


@dataclass
class Site:
    """The running system, the console and a browser."""

    settings: Settings
    client: redis.Redis
    console: RunningConsole
    context: BrowserContext
    key: str
    problems: list[str] = field(default_factory=list)

    def open(self, view: str = "") -> Page:
        """A new page on a view; what its scripts complain about is collected."""
        page = self.context.new_page()
        page.on("console", lambda message: self._check_is_no_error(message.type, message.text))
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self._check_is_local(request.url))
        page.goto(f"{self.console.url}/{view}")
        return page

    def publish(self, *events: dict[str, Any]) -> None:
        """Publish listings."""
        for event in events:
            self.client.xadd(self.settings.streams.listings, {DATA_FIELD: json.dumps(event)})

    def _check_is_no_error(self, kind: str, text: str) -> None:
        if kind == "error":
            self.problems.append(text)

    def _check_is_local(self, url: str) -> None:
        if not url.startswith((self.console.url, self.console.url.replace("http", "ws"), "data:")):
            self.problems.append(f"asked {url}")


@pytest.fixture(scope="module")
def site(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One system with two versions, of which the second is champion, and one browser for all tests."""
    browser_path = find_browser()
    home = tmp_path_factory.mktemp("console")
    train_small_model(home, trees=5)
    model = train_small_model(home, trees=10)
    with own_prefix(redis_url) as prefix, connect(redis_url) as client:
        changes = {"redis_url": SecretStr(redis_url), "prefix": prefix, "heartbeat_s": 0.5}
        settings = model.settings.model_copy(update=changes)
        key = add_key(client, settings.streams, "ana", "operator")
        with (
            running_applications(settings),
            running_console(settings) as console,
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"]) as browser,
            browser.new_context() as context,
        ):
            context.set_default_timeout(15_000)
            expect.set_options(timeout=15_000)
            wait_until(lambda: client.hget(settings.streams.model, "version") == b"2", 30, "the champion is desired")
            found = Site(settings, client, console, context, key)
            yield found
            assert found.problems == []
            context.close()


def _events(count: int) -> list[dict[str, Any]]:
    rows = read_boston_rows()
    return [{"id": f"{uuid.uuid4()}", "source": "shop", "data": rows[number % len(rows)]} for number in range(count)]


def test_now_shows_what_redis_holds_and_is_updated(site: Site) -> None:
    page = site.open()
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "healthy")
    expect(page.locator(".flow.wide [data-station=consumers]")).to_contain_text("version 2")
    site.publish(*_events(30))
    scored = site.client.hget
    wait_until(lambda: int(scored(site.settings.streams.progress, "scored") or 0) >= 30, 20, "they are scored")
    total = int(site.client.xlen(site.settings.streams.predictions))
    expect(page.locator(".flow.wide [data-station=predictions]")).to_contain_text(f"{total:,} in all")
    expect(page.locator("#view")).to_contain_text("model.activated")
    page.close()


def test_a_page_of_another_site_gets_no_connection(site: Site) -> None:
    page = site.context.new_page()
    page.goto("data:text/html,<p>another site</p>")
    address = f"{site.console.url.replace('http', 'ws')}/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    opened = page.evaluate(
        "address => new Promise(done => { const socket = new WebSocket(address);"
        " socket.onopen = () => done('opened'); socket.onerror = () => done('refused'); })",
        address,
    )
    assert opened == "refused"
    page.close()
