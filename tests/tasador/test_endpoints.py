"""HTTP endpoints of each process: the documented ones, which are read-only, and no other."""

from __future__ import annotations

import html
import json
import re
import uuid
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from monitoring.monitor.scale import SCALE
from service.asyncapi_page.serving import DOCUMENT, PAGE, PAGE_PATHS
from service.endpoints import ENDPOINTS
from tasador.machine.processes import ManagedProcess
from tests.browser import render_page
from tests.tasador.running_processes import COMMANDS, request, run_processes
from transport.connection import connect

ROOT = Path(__file__).parents[2]
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "PUBLISH")
UNKNOWN_PATHS = (
    "/",
    "/docs",
    "/docs/",
    "/docs/asyncapi/",
    "/docs/asyncapi/try",
    "/docs/asyncapi/index.html",
    "/docs/asyncapi/VERSION",
    "/docs/asyncapi/../../livez",
    "/docs/asyncapi/%2e%2e/serving.py",
    "/asyncapi",
    "/asyncapi.json",
    "/asyncapi/try",
    "/favicon.ico",
    "/health",
    "/livez/",
    "/metrics/",
    "/openapi.json",
    "/redoc",
    "/try",
    "//metrics",
)
CONTENT_TYPES = {"": "text/html", ".json": "application/json", ".js": "text/javascript", ".css": "text/css"}


@pytest.fixture(scope="module")
def keys() -> str:
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture(scope="module")
def processes(
    redis_url: str, keys: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, ManagedProcess]]:
    with run_processes(redis_url, keys, tmp_path_factory.mktemp("home")) as processes:
        yield processes
    with connect(redis_url) as client:
        client.delete(*client.scan_iter(f"{keys}*"))


def _written(redis_url: str, keys: str) -> dict[str, int | None]:
    """Every key of the processes, with its length if it is a stream."""
    with connect(redis_url) as connected:
        client: Any = connected
        kinds = {key: client.type(key) for key in client.scan_iter(f"{keys}*", count=1000)}
        return {key.decode(): client.xlen(key) if kind == b"stream" else None for key, kind in kinds.items()}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_process_serves_the_documented_endpoints_only(
    processes: dict[str, ManagedProcess], redis_url: str, keys: str, command: str
) -> None:
    before = _written(redis_url, keys)
    answered = {
        (path, method): request(processes[command], path, method)[:2]
        for path in (*ENDPOINTS, SCALE, *UNKNOWN_PATHS)
        for method in METHODS
    }
    served = {*ENDPOINTS, SCALE} if command == "monitor" else set(ENDPOINTS)
    assert {path for (path, _), (status, _) in answered.items() if status != 404} == served
    refused = {call: answer for call, answer in answered.items() if call[0] in served and answer[0] == 405}
    assert set(refused) == {(path, method) for path in served for method in METHODS[2:]}
    assert set(refused.values()) == {(405, "GET, HEAD")}
    assert _written(redis_url, keys) == before
    assert f"{keys}:consumers" in before


def test_the_publish_form_of_faststream_is_not_served(processes: dict[str, ManagedProcess], redis_url: str) -> None:
    with connect(redis_url) as client, client.pubsub() as messages:
        messages.psubscribe("*")
        assert messages.get_message(timeout=10)["type"] == "psubscribe"
        for command in COMMANDS:
            for path in ("/docs/asyncapi/try", "/asyncapi/try", DOCUMENT, PAGE):
                assert request(processes[command], path, "POST", {"Content-Type": "text/plain"})[0] in {404, 405}
        client.publish("end", "of the test")
        assert messages.get_message(timeout=10)["channel"] == b"end"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_document_names_the_one_server_that_the_process_uses(
    processes: dict[str, ManagedProcess], redis_url: str, command: str
) -> None:
    document = json.loads(request(processes[command], DOCUMENT)[2])
    assert [server["host"] for server in document["servers"].values()] == [urlsplit(redis_url).netloc]


def test_the_documentation_lists_every_endpoint() -> None:
    text = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
    table = text.partition("## Endpoints")[2].partition("\n## ")[0]
    assert re.findall(r"`(/[^`]*)`", "".join(re.findall(r"^\|([^|]*)\|", table, re.MULTILINE))) == [*ENDPOINTS, SCALE]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_and_its_files_refer_to_no_other_host(processes: dict[str, ManagedProcess], command: str) -> None:
    page = processes[command].url + PAGE
    _, _, html = request(processes[command], PAGE)
    links = re.findall(r"""(?:href|src)=["']([^"']*)["']""", html)
    _, _, script = request(processes[command], f"{PAGE}/start.js")
    links += re.findall(r"""fetch\(["']([^"']*)["']\)""", script)
    loaded = {urljoin(page, link) for link in links if not link.startswith("data:")}
    assert {urlsplit(url).path for url in loaded} == set(PAGE_PATHS) - {PAGE}
    assert {urlsplit(url).netloc for url in loaded} == {urlsplit(page).netloc}
    assert "://" not in html + script
    assert "url(http" not in request(processes[command], f"{PAGE}/default.min.css")[2]


def test_files_of_the_page_have_an_etag(processes: dict[str, ManagedProcess]) -> None:
    connection = HTTPConnection(urlsplit(processes["consumer"].url).netloc, timeout=10)
    for path in PAGE_PATHS:
        connection.request("GET", path)
        first = connection.getresponse()
        body, etag = first.read(), first.headers["ETag"]
        assert body
        assert "default-src 'self'" in first.headers["Content-Security-Policy"]
        assert first.headers["Content-Type"].partition(";")[0] == CONTENT_TYPES[Path(path).suffix]
        connection.request("GET", path, headers={"If-None-Match": etag})
        second = connection.getresponse()
        assert (second.status, second.read(), second.headers["ETag"]) == (304, b"", etag)
    connection.close()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_browser_without_internet_shows_every_channel(
    processes: dict[str, ManagedProcess], command: str, tmp_path: Path
) -> None:
    document = json.loads(request(processes[command], DOCUMENT)[2])
    rendered = render_page(processes[command].url + PAGE, tmp_path / "profile")
    assert f"<title>{document['info']['title']}</title>" in rendered.dom
    text = html.unescape(re.sub(r"<[^>]*>", " ", rendered.dom))
    assert not [channel["address"] for channel in document["channels"].values() if channel["address"] not in text]
    # the browser logs a violation if the page loads anything from another host
    assert "Content Security Policy" not in rendered.log
