"""The console in a real browser, beside a running system: it shows what Redis holds, and operators act through it."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from schemas.streams import DATA_FIELD
from tests.browser import find_browser
from tests.console.running import is_ready
from tests.console.site import Site, running_site
from tests.listings import read_boston_rows
from tests.waiting import wait_until

pytestmark = [pytest.mark.rounds, pytest.mark.long]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One system and one browser for all tests."""
    with running_site(tmp_path_factory.mktemp("console"), find_browser()) as found:
        yield found
        assert found.problems == []


def _events(count: int) -> list[dict[str, Any]]:
    rows = read_boston_rows()
    return [{"id": f"{uuid.uuid4()}", "source": "shop", "data": rows[number % len(rows)]} for number in range(count)]


def test_now_shows_what_redis_holds_and_is_updated(site: Site) -> None:
    page = site.open()
    expect(page.locator("[data-state]")).to_have_attribute("data-state", "healthy")
    expect(page.locator(".flow.wide [data-station=consumers]")).to_contain_text("version 2")
    site.publish(*_events(30))
    progress = site.settings.streams.progress
    wait_until(lambda: int(site.client.hget(progress, "scored") or 0) >= 30, 20, "they are scored")
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


def test_who_is_not_logged_in_has_no_buttons_that_act(site: Site) -> None:
    page = site.open("housing/models")
    expect(page.locator("[data-version]")).to_have_count(2)
    expect(page.get_by_role("button", name="Promote …")).to_have_count(0)
    expect(page.get_by_role("banner").get_by_role("link", name="Log in")).to_be_visible()
    page.goto(f"{site.console.url}/login")
    page.get_by_label("API key").fill("tsd_guess")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("No domain of this console knows this key")
    site.problems.clear()  # the browser reports the status 401
    page.close()


def test_an_operator_promotes_and_rolls_back(site: Site) -> None:
    page = site.log_in("housing/models")
    page.get_by_label("Version", exact=True).click()
    page.get_by_role("option", name="1").click()
    page.get_by_role("button", name="Promote …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The gate judges version 1 against the champion (2)")
    page.get_by_role("checkbox").click()
    dialog.get_by_role("button", name="Promote version 1").click()
    expect(dialog).to_contain_text("Forcing requires a reason")
    page.get_by_role("checkbox").click()
    dialog.get_by_label("Reason for forcing").fill("a try")
    dialog.get_by_role("button", name="Promote version 1").click()
    expect(dialog).to_contain_text("A reason is kept only of a forced action")
    page.get_by_role("checkbox").click()
    dialog.get_by_role("button", name="Promote version 1").click()
    expect(dialog).to_contain_text("Version 1 is what every consumer runs", timeout=120_000)
    dialog.get_by_role("button", name="Close").click()
    assert site.client.hget(site.settings.streams.model, "version") == b"1"
    expect(page.locator("#view")).to_contain_text("ana@console")
    page.get_by_role("button", name="Roll back …").click()
    page.get_by_label("Reason").fill("it was a try")
    page.get_by_role("button", name="Roll back", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("Version 2 is what every consumer runs")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#view")).to_contain_text("it was a try")
    page.get_by_role("button", name="Show the gate's report").click()
    expect(page.locator("#view")).to_contain_text("golden rows", timeout=120_000)
    page.close()


def test_an_operator_starts_adjusts_and_stops_a_rollout(site: Site) -> None:
    page = site.log_in("housing/models")
    page.get_by_label("Version", exact=True).click()
    page.get_by_role("option", name="1").click()
    page.get_by_role("button", name="Start a rollout of the chosen version …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("In this shadow the champion answers every listing")
    dialog.get_by_role("button", name="Start a rollout of version 1").click()
    expect(dialog).to_contain_text("The shadow of version 1 at 100 % of the listings has started", timeout=120_000)
    dialog.get_by_role("button", name="Close").click()
    expect(page.locator("[data-rollout]")).to_contain_text("shadow of version 1 beside version 2")
    page.get_by_label("Share, 0 to 1").last.fill("0.5")
    page.get_by_label("Until").last.fill("7d")
    page.get_by_role("button", name="Adjust …").click()
    dialog.get_by_role("button", name="Adjust the rollout").click()
    expect(dialog).to_contain_text("The shadow of version 1 at 50 % of the listings is adjusted")
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Stop …").click()
    dialog.get_by_label("Reason").fill("seen enough")
    dialog.get_by_role("button", name="Stop the rollout").click()
    expect(dialog).to_contain_text("The rollout of version 1 is stopped")
    dialog.get_by_role("button", name="Close").click()
    assert not site.client.exists(site.settings.streams.rollout)
    expect(page.locator("#view")).to_contain_text("seen enough")
    expect(page.get_by_role("button", name="Start a rollout of the chosen version …")).to_be_visible()
    page.close()


def test_an_operator_promotes_the_challenger_of_a_rollout(site: Site) -> None:
    page = site.log_in("housing/models")
    page.get_by_label("Version", exact=True).click()
    page.get_by_role("option", name="1").click()
    page.get_by_role("button", name="Start a rollout of the chosen version …").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Start a rollout of version 1").click()
    expect(dialog).to_contain_text("The shadow of version 1 at 100 % of the listings has started", timeout=120_000)
    dialog.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Promote the challenger …").click()
    expect(dialog).to_contain_text("The rollout ends with the promotion")
    page.get_by_role("checkbox").click()
    dialog.get_by_label("Reason for forcing").fill("its outcomes come next year")
    dialog.get_by_role("button", name="Promote challenger 1").click()
    expect(dialog).to_contain_text("Version 1 is what every consumer runs", timeout=120_000)
    dialog.get_by_role("button", name="Close").click()
    streams = site.settings.streams
    assert site.client.hget(streams.model, "version") == b"1"
    assert not site.client.exists(streams.rollout)
    expect(page.locator("#view")).to_contain_text("its outcomes come next year")
    expect(page.get_by_role("button", name="Start a rollout of the chosen version …")).to_be_visible()
    page.get_by_role("button", name="Roll back …").click()
    page.get_by_role("button", name="Roll back", exact=True).click()
    expect(dialog).to_contain_text("Version 2 is what every consumer runs")
    page.close()


def test_a_refused_listing_is_corrected_and_replayed(site: Site) -> None:
    (event,) = _events(1)
    site.publish(event | {"id": "home-refused", "data": event["data"] | {"RM": -5}})
    page = site.log_in("housing/dead-letters")
    page.get_by_role("button", name="Open dead letter").first.click()
    expect(page.locator("tr.faulty")).to_contain_text("RM")
    editor = page.get_by_label("Payload")
    page.get_by_role("button", name="Replay …").click()
    page.get_by_role("button", name="Replay the letter").click()
    expect(page.get_by_role("dialog")).to_contain_text("it would be refused again")
    page.get_by_role("button", name="Close").click()
    editor.fill(editor.input_value().replace("-5", "6.5"))
    page.get_by_role("button", name="Replay …").click()
    page.get_by_role("button", name="Replay the letter").click()
    expect(page.get_by_role("dialog")).to_contain_text("Published again as entry")
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#view")).to_contain_text("No dead letters are kept")
    assert site.client.xlen(site.settings.streams.dead_letters) == 0
    ((_, fields),) = site.client.xrange(site.settings.streams.resolutions)
    assert json.loads(fields[DATA_FIELD])["data"]["actor"] == "ana@console"
    page.goto(f"{site.console.url}/housing/listing?q=home-refused")
    expect(page.locator("[data-kind]")).to_have_attribute("data-kind", "listing.scored")
    page.close()


def test_a_listing_is_found_with_its_prediction_and_its_outcome(site: Site) -> None:
    (event,) = _events(1)
    site.publish(event | {"subject": "12 <b>Elm</b> Street"})
    streams = site.settings.streams
    truth = {"listing_id": event["id"], "listing_source": "shop", "outcome": 24.5}
    answer = {"id": "sale-1", "type": "listing.sold", "data": truth}
    site.client.xadd(streams.outcomes, {DATA_FIELD: json.dumps(answer)})
    wait_until(lambda: _prediction_of(site, event["id"]) is not None, 20, "it is predicted")
    predicted = _prediction_of(site, event["id"])
    assert predicted is not None
    _explain(site, predicted)
    page = site.open("housing/listing")
    for text in (event["id"], "12 <b>Elm</b> Street", predicted["id"]):
        page.get_by_label("Listing id, subject or entry").fill(text)
        page.get_by_role("button", name="Search").click()
        expect(page.locator("[data-prediction]")).to_have_text(f"{predicted['data']['prediction']:.4g}")
        expect(page.locator("#view")).to_contain_text("24.5; the prediction is")
        expect(page.locator(".waterfall")).to_contain_text("RM = 6.5")
    page.get_by_label("Listing id, subject or entry").fill("unknown")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#view")).to_contain_text("No answer to unknown was found")
    page.close()


def test_what_if_shows_what_the_stream_would_answer(site: Site) -> None:
    (event,) = _events(1)
    ids = [f"what-if-{number}" for number in (1, 2)]
    rows = event["data"], event["data"] | {"RM": 8.25}
    site.publish(*(event | {"id": listing_id, "data": row} for listing_id, row in zip(ids, rows, strict=True)))
    before, after = (_predicted(site, listing_id)["data"]["prediction"] for listing_id in ids)
    streams = site.settings.streams
    counted = site.client.hget(streams.progress, "answered"), site.client.xlen(streams.listings)
    page = site.open(f"housing/listing?q={ids[0]}")
    form, asked = page.get_by_label("RM", exact=True), page.get_by_role("button", name="What if?")
    form.fill("8.25")
    asked.click()
    answer = page.get_by_role("region", name="What would be answered")
    expect(answer.locator("[data-what-if]")).to_have_text(f"{after:.4g}")
    expect(answer).to_contain_text(f"the change makes {after - before:+.4g}")
    expect(answer.locator(".waterfall")).to_contain_text("RM = 8.25")
    form.fill("-5")
    form.press("Enter")
    expect(answer).to_contain_text("the stream would refuse this (out_of_range): RM: ")
    page.get_by_role("button", name="As it was").click()
    asked.click()
    expect(answer.locator("[data-what-if]")).to_have_text(f"{before:.4g}")
    assert (site.client.hget(streams.progress, "answered"), site.client.xlen(streams.listings)) == counted
    page.close()


def _predicted(site: Site, listing_id: str) -> dict[str, Any]:
    wait_until(lambda: _prediction_of(site, listing_id) is not None, 20, "it is predicted")
    predicted = _prediction_of(site, listing_id)
    assert predicted is not None
    return predicted


def _explain(site: Site, predicted: dict[str, Any]) -> None:
    """Write an explanation, as an explainer does."""
    value, contribution = predicted["data"]["prediction"], {"feature": "RM", "value": 6.5, "contribution": 3.0}
    data = {name: predicted["data"][name] for name in ("listing_id", "listing_source", "prediction", "model")}
    data |= {"method": "tree_shap", "unit": "kUSD", "value": value, "base": value - 3, "contributions": [contribution]}
    event = {name: predicted[name] for name in ("id", "source", "time")} | {"type": "listing.explained", "data": data}
    site.client.xadd(site.settings.streams.explanations, {DATA_FIELD: json.dumps(event)})


def _prediction_of(site: Site, listing_id: str) -> dict[str, Any] | None:
    for _, fields in site.client.xrevrange(site.settings.streams.predictions, count=20):
        event: dict[str, Any] = json.loads(fields[DATA_FIELD])
        if event["data"]["listing_id"] == listing_id:
            return event
    return None


def test_data_shows_the_monitors_report(site: Site) -> None:
    page = site.open("housing/data")
    expect(page.locator("[data-verdict]")).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Show the distributions of RM").click()
    expect(page.locator("#view")).to_contain_text("reference")
    page.close()


def test_every_view_fits_a_phone_and_is_reached_by_keyboard(site: Site) -> None:
    page = site.log_in("login")
    page.set_viewport_size({"width": 390, "height": 844})
    nameless = "[...document.querySelectorAll('button, a, input')].filter(each => each.offsetParent && !each.innerText"
    nameless += ".trim() && !each.labels?.length && !each.ariaLabel).map(each => each.outerHTML)"
    for view in ("", "models", "data", "listing", "dead-letters"):
        page.goto(f"{site.console.url}/housing/{view}")
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, view
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the view")).to_be_focused()
        assert page.evaluate(nameless) == [], view
    page.close()


def test_the_theme_is_kept(site: Site) -> None:
    page = site.open()
    page.get_by_role("button", name="Theme: as the system").click()
    expect(page.locator("body")).to_have_class(re.compile("body--dark"))
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    page.close()


def test_redis_goes_away_and_comes_back(site: Site) -> None:
    page = site.open()
    expect(page.locator("[data-state]")).to_be_visible()
    site.server.stop()
    expect(page.get_by_role("alert")).to_contain_text("Redis does not answer")
    assert not is_ready(site.console.url)
    # what only these views read is not there, and the console does not complain of it in its log
    for view in ("models", "data", "dead-letters"):
        page.goto(f"{site.console.url}/housing/{view}")
        expect(page.get_by_role("alert")).to_contain_text("Redis does not answer")
    page.goto(f"{site.console.url}/housing")
    site.server.start()
    expect(page.get_by_role("alert")).to_have_count(0)
    wait_until(lambda: is_ready(site.console.url), 20, "the console is ready again")
    before = int(site.client.xlen(site.settings.streams.listings))
    site.publish(*_events(5))
    expect(page.locator(".flow.wide [data-station=listings]")).to_contain_text(f"{before + 5} published")
    page.close()
