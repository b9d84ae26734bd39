"""Pages on a console, open in a real Chromium of the lowest priority: it takes no time from what is measured."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from schemas.errors import BenchmarkError

VIEWS = ("", "models", "data", "listing", "dead-letters")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_WATCH_UPDATES = """() => {
  window.seen = [];
  const read = () => {
    const station = document.querySelector('.flow.wide [data-station=predictions]');
    const found = station?.textContent.match(/([\\d,]+) in all/);
    const total = found ? Number(found[1].replaceAll(',', '')) : 0;
    if (total !== window.seen.at(-1)?.[1]) window.seen.push([Date.now() / 1000, total]);
  };
  read();
  new MutationObserver(read).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


class OpenPages:
    """Chromium with pages on a console, in a thread of its own, because Playwright's event loop would be in the way.

    Args:
        folder: for the program that starts it.
        count: how many pages are open at once.
    """

    def __init__(self, folder: Path, count: int) -> None:
        self._folder = folder
        self._count = count
        self._thread = ThreadPoolExecutor(1)
        self._running = ExitStack()
        self._pages: list[Page] = []

    def __enter__(self) -> Self:
        self._browser = self._thread.submit(self._start).result()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.submit(self._running.close).result()
        self._thread.shutdown()

    def first_view_s(self, url: str) -> float:
        """Seconds from the request of a browser that has cached nothing until the state is shown."""
        return self._thread.submit(self._first_view_s, url).result()

    @contextmanager
    def open(self, url: str) -> Iterator[None]:
        """Open pages on all views in turn, the first of which is Now."""
        context = self._thread.submit(self._open, url).result()
        try:
            yield
        finally:
            self._thread.submit(context.close).result()

    def watch_updates(self) -> None:
        """Let the page on Now note what it shows from now on."""
        self._thread.submit(self._pages[0].evaluate, _WATCH_UPDATES).result()

    def updates(self) -> list[tuple[float, int]]:
        """When it has shown which number of predictions."""
        seen: list[tuple[float, int]] = self._thread.submit(self._pages[0].evaluate, "() => window.seen").result()
        return seen

    def _start(self) -> Browser:
        path = next(filter(None, map(shutil.which, _BROWSERS)), None)
        if path is None:
            raise BenchmarkError("needs a browser: apt-get install chromium")
        program = self._folder / "browser"
        program.write_text(f'#!/bin/sh\nexec nice -n 19 "{path}" "$@"\n', encoding="utf-8")
        program.chmod(0o755)
        playwright = self._running.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        return self._running.enter_context(browser)

    def _first_view_s(self, url: str) -> float:
        with self._browser.new_context() as context:
            page = context.new_page()
            begin_s = time.perf_counter()
            page.goto(url, wait_until="commit")
            page.wait_for_selector("[data-state]")
            return time.perf_counter() - begin_s

    def _open(self, url: str) -> BrowserContext:
        context = self._browser.new_context()
        self._pages = [context.new_page() for _ in range(self._count)]
        for number, page in enumerate(self._pages):
            page.goto(f"{url}/{VIEWS[number % len(VIEWS)]}")
        self._pages[0].wait_for_selector("[data-state]")
        return context
