"""A running system with a console and a browser, for tests and for the pictures of the documentation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect, sync_playwright
from pydantic import SecretStr

from operations.keys import add_key
from schemas.settings import Settings
from schemas.streams import DATA_FIELD
from tests.console.running import RunningConsole, running_applications, running_console
from tests.models import train_small_model
from tests.redis_cluster import RedisCluster
from tests.redis_server import RedisServer
from tests.waiting import wait_until
from transport.connection import connect


@dataclass
class Site:
    """The running system, the console and a browser."""

    settings: Settings
    client: Any
    server: RedisServer | RedisCluster
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

    def log_in(self, view: str) -> Page:
        """A new page on a view, whose session is the operator's."""
        page = self.open("login")
        page.get_by_label("API key").fill(self.key)
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_text("ana (operator)")).to_be_visible()
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


@contextmanager
def running_site(home: Path, browser_path: str, **sections: Any) -> Iterator[Site]:
    """One system with two versions, of which the second is champion, on a Redis of its own, and one browser.

    `sections` replace those of the settings.
    """
    server = RedisServer(home / "redis", "--appendonly", "yes")
    server.start()
    try:
        with site_on(server, home, browser_path, prefix="housing", **sections) as site:
            yield site
    finally:
        server.stop()


@contextmanager
def site_on(server: RedisServer | RedisCluster, home: Path, browser_path: str, **sections: Any) -> Iterator[Site]:
    """The same on servers that run already.

    Args:
        server: what a test stops and starts.
        home: folder of the system.
        browser_path: of the browser.
        sections: replace those of the settings.
    """
    train_small_model(home, trees=5)
    model = train_small_model(home, trees=10)
    with connect(server.url) as client:
        settings = model.settings.model_copy(
            update={"redis_url": SecretStr(server.url), "heartbeat_s": 0.5, **sections}
        )
        key = add_key(client, settings.streams, "ana", "operator")
        with (
            running_applications(settings),
            running_console(settings) as console,
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"]) as browser,
            browser.new_context() as context,
        ):
            context.set_default_timeout(15_000)
            expect.set_options(timeout=60_000)
            wait_until(lambda: client.hget(settings.streams.model, "version") == b"2", 30, "the champion is desired")
            yield Site(settings, client, server, console, context, key)
            context.close()
