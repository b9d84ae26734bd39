"""The documentation pages work without internet."""

from __future__ import annotations

import html
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest

from gateway.pages.serving import FILES
from tests.browser import render_page
from tests.gateway.system import HttpClient

PAGES = Path(__file__).parents[2] / "gateway/pages"


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_a_page_and_its_files_refer_to_no_other_host(gateway: HttpClient, page: str) -> None:
    text = gateway.get(page).body.decode()
    links = [link for link in re.findall(r"""(?:href|src)=["']([^"']*)["']""", text) if not link.startswith("data:")]
    loaded = {urlsplit(urljoin(f"{gateway.url}{page}", link)) for link in links}
    assert {one.netloc for one in loaded} == {f"127.0.0.1:{gateway.port}"}
    assert {one.path for one in loaded} == {path for path in FILES if path.startswith(f"{page}/")}
    script = gateway.get(f"{page}/start.js").body.decode()
    assert "://" not in text + script
    assert "url(http" not in gateway.get("/docs/swagger-ui.css").body.decode()
    for one in loaded:
        reply = gateway.get(one.path)
        assert reply.status == 200
        assert "default-src 'self'" in reply.headers["content-security-policy"]
        assert gateway.get(one.path, {"If-None-Match": reply.headers["etag"]}).status == 304


def test_a_browser_without_internet_shows_every_route(gateway: HttpClient, tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        rendered = [*pool.map(lambda page: render_page(gateway.url + page, tmp_path / page[1:]), ("/docs", "/redoc"))]
    docs, redoc = (html.unescape(re.sub(r"<[^>]*>|\u200b", "", page.dom)) for page in rendered)
    paths = gateway.get("/openapi.json").json["paths"]
    assert [path for path in paths if path not in docs] == []
    summaries = [operation["summary"] for path in paths.values() for operation in path.values()]
    assert [summary for summary in summaries if summary not in redoc] == []
    # the browser logs a violation if the page loads anything from another host
    assert not [page.log for page in rendered if "Content Security Policy" in page.log]


def test_bundles_carry_their_versions_and_licences() -> None:
    for folder in ("swagger-ui", "redoc"):
        assert re.fullmatch(r"\d+\.\d+\.\d+\n", (PAGES / folder / "VERSION").read_text(encoding="utf-8"))
        assert (PAGES / folder / "LICENSE").stat().st_size > 1000
    assert "cdn.redoc.ly/redoc/logo" not in (PAGES / "redoc/redoc.standalone.js").read_text(encoding="utf-8")
