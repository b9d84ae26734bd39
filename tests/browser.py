"""A real browser without a window: Debian's chromium, or another that is on the PATH."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Shown:
    """What a browser made of a page.

    Attributes:
        dom: the page's HTML after its scripts have run.
        log: the browser's log, with what the page's console says.
    """

    dom: str
    log: str


def show(url: str, profile: Path) -> Shown:
    """Open a page in a fresh profile; no name is resolved, so the page gets what 127.0.0.1 serves and nothing else."""
    browser = next(filter(None, map(shutil.which, _NAMES)), None)
    if browser is None:
        pytest.skip("needs a browser: apt-get install chromium")
    command = [
        browser,
        "--headless",
        "--no-sandbox",  # as root there is none
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
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    return Shown(done.stdout, done.stderr)
