"""Renders pages in a headless browser: chromium, or Google Chrome, from the PATH."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class RenderedPage:
    """A page as a browser rendered it.

    Attributes:
        dom: the page's HTML after its scripts have run.
        log: the browser's log, with the messages of the page's console.
    """

    dom: str
    log: str


def find_browser() -> str:
    """The path of the browser; without one, the test is skipped."""
    browser = next(filter(None, map(shutil.which, _NAMES)), None)
    if browser is None:
        pytest.skip("needs a browser: apt-get install chromium")
    return browser


def render_page(url: str, profile: Path) -> RenderedPage:
    """Open a page in a fresh profile; host names do not resolve, so the page can load from 127.0.0.1 only."""
    command = [
        find_browser(),
        "--headless",
        "--no-sandbox",  # the sandbox does not work as root
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        f"--user-data-dir={profile}",
        "--enable-logging=stderr",
        "--virtual-time-budget=10000",
        "--dump-dom",
        url,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
    return RenderedPage(done.stdout, done.stderr)
