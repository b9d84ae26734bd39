"""Takes the pictures of docs/console.md from a running system: `make console-pictures`."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from schemas.rollout_settings import RolloutSettings
from schemas.sections import MonitorSettings
from schemas.streams import DATA_FIELD
from tests.browser import find_browser
from tests.console.site import Site, running_site
from tests.models import table_of
from tests.waiting import wait_until

FOLDER = Path(__file__).parents[2] / "docs" / "console"
_LISTINGS, _AT_ONCE, _PAUSE_S = 1500, 60, 1.2
_EXPLAINED = "home-7"
_WIDE, _TALL, _NARROW = {"width": 1440, "height": 900}, {"width": 1440, "height": 1160}, {"width": 390, "height": 844}


def _flow(site: Site) -> None:
    """Publish homes that get larger, some of them wrong, and most of their prices."""
    random_, homes, streams = random.Random(7), table_of("housing").with_target(), site.settings.streams
    for number in range(_LISTINGS):
        home: dict[Any, Any] = homes.iloc[random_.randrange(len(homes))].to_dict()
        price = home.pop("MEDV")
        home["LSTAT"] *= random_.uniform(1.2, 1.6) if number > _LISTINGS / 2 else 1
        home["CRIM"] *= random_.uniform(0.9, 1.1)
        if number % 120 == 0:
            home["RM"] = -1
        listing_id, source = f"home-{number}", random_.choice(("web-shop", "partner"))
        event = {"id": listing_id, "source": source, "subject": f"property-{number}", "data": home}
        site.publish(event | {"explain": listing_id == _EXPLAINED})
        outcome = {"listing_id": listing_id, "listing_source": source, "outcome": price}
        sale = {"id": f"sale-{number}", "type": "listing.sold", "data": outcome}
        site.client.xadd(streams.outcomes, {DATA_FIELD: json.dumps(sale)})
        if number % _AT_ONCE == 0:
            time.sleep(_PAUSE_S)  # so that lines over time have points
    scored = streams.progress
    wait_until(lambda: int(site.client.hget(scored, "answered") or 0) >= _LISTINGS, 60, "they are answered")
    wait_until(lambda: site.client.xlen(streams.explanations) > 0, 60, "one is explained")


def _take(site: Site) -> None:
    page = site.log_in("housing")
    # a report on the shifted homes, and outcomes in it
    page.goto(f"{site.console.url}/housing/data")
    expect(page.locator("[data-verdict]")).to_be_visible(timeout=120_000)
    expect(page.get_by_text("Predictions of the last 24h")).to_be_visible(timeout=120_000)
    page.get_by_role("button", name="Show the distributions of LSTAT").click()
    for name, view, size, scheme in (
        ("data", "", _WIDE, "light"),
        ("rollout", "", _TALL, "light"),
        ("models", "models", _WIDE, "light"),
        ("listing", f"listing?q={_EXPLAINED}", _WIDE, "light"),
        ("dead-letters", "dead-letters", _WIDE, "dark"),
        ("now", "", _WIDE, "light"),
        ("now-narrow", "", _NARROW, "dark"),
    ):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if name == "rollout":
            page.get_by_role("heading", name="Rollout").evaluate("each => each.scrollIntoView()")
        elif name != "data":
            page.goto(f"{site.console.url}/housing/{view}")
        if name == "dead-letters":
            page.get_by_role("button", name="Open dead letter").first.click()
            expect(page.locator("tr.faulty")).to_be_visible()
            page.locator("#one-letter").evaluate("each => each.scrollIntoView()")
        if name == "listing":
            _ask_what_if(page)
        page.wait_for_timeout(1500)  # parts that are read from the registry or the streams
        page.screenshot(path=FOLDER / f"{name}.png", full_page=name in {"listing", "now-narrow"})


def _ask_what_if(page: Page) -> None:
    page.get_by_label("RM", exact=True).fill("7.5")
    page.get_by_role("button", name="What if?").click()
    expect(page.locator("[data-what-if]")).to_be_visible()


def _train(environment: dict[str, str]) -> None:
    """Register two more versions, with their metrics, and try one of them."""
    tasador = [sys.executable, "-m", "tasador"]
    for recipe in ("linear", "xgboost-reference"):
        command = [*tasador, "train", "--models", recipe, "--no-promote", "--quick"]
        subprocess.run(command, env=environment, check=True)
    command = [*tasador, "rollout", "start", "--version", "4", "--mode", "shadow", "--wait"]
    subprocess.run(command, env=environment, check=True)


def _running_site(home: Path) -> AbstractContextManager[Site]:
    """A site whose monitor reports often, and does not wait for outcomes; guardrails allow for a busy machine."""
    return running_site(
        home,
        find_browser(),
        monitor=MonitorSettings(interval_s=3),
        rollout=RolloutSettings(mature_h=0, max_us_per_row=5000, max_p99_ms=10_000),
    )


def main() -> None:
    """Take all pictures."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home, _running_site(Path(home)) as site:
        assert site.settings.redis_url is not None
        environment = os.environ | {
            "LOGNAME": "ana",
            "TASADOR_HOME": home,
            "TASADOR_REDIS_URL": site.settings.redis_url.get_secret_value(),
        }
        _train(environment)
        _flow(site)
        _take(site)


if __name__ == "__main__":
    main()
