"""Who may look and act, by where the console listens and by key; and the paths behind a reverse proxy."""

from __future__ import annotations

import re
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
import redis
from nicegui import Client, ui
from nicegui.page import page
from pydantic import SecretStr
from starlette.requests import Request

from console.app import check_start
from console.console import COOKIE, Console
from console.pages.visit import Visit
from console.shown_domain import ShownDomain
from operations.keys import add_key, revoke_key
from schemas.console_settings import ConsoleSettings
from schemas.errors import ConfigurationError
from schemas.settings import Settings
from schemas.streams import Streams
from tests.console.running import RunningConsole, running_console
from tests.consumer.harness import settings_for

PROXY = "ops.example.com"


def _request(token: str | None = None) -> Request:
    headers = [(b"cookie", f"{COOKIE}={token}".encode())] if token else []
    return Request({"type": "http", "path": "/", "query_string": b"", "headers": headers})


@pytest.mark.parametrize(
    ("changes", "is_open"),
    [
        ({}, True),
        ({"host": "0.0.0.0"}, False),  # noqa: S104 - nothing listens
        ({"console": ConsoleSettings(public_url=f"https://{PROXY}")}, False),
        ({"console": ConsoleSettings(public_url=f"https://{PROXY}", read_without_key=True)}, True),
    ],
)
async def test_only_who_has_a_key_may_look_from_elsewhere_and_only_operators_act(
    redis_url: str, redis_client: redis.Redis, streams: Streams, changes: dict[str, object], is_open: bool
) -> None:
    shown = ShownDomain.open(settings_for(streams.prefix, redis_url=SecretStr(redis_url), **changes))
    console = Console({"housing": shown})
    keys = [add_key(redis_client, streams, name, name) for name in ("client", "operator")]
    await shown.keys.read()
    client, operator = (console.sessions.open(key.encode()) for key in keys)
    assert console.may_read(_request(), "housing") is is_open
    assert console.may_read(_request("guess"), "housing") is is_open
    assert console.may_read(_request(client), "housing")
    assert console.operator(_request(), "housing") is None
    assert console.operator(_request(client), "housing") is None
    assert console.operator(_request(operator), "housing") == "operator"
    await shown.aclose()


def test_without_a_key_another_host_is_refused_with_one_line(redis_url: str, streams: Streams) -> None:
    settings = settings_for(streams.prefix, redis_url=SecretStr(redis_url), host="0.0.0.0")  # noqa: S104 - refused
    with pytest.raises(ConfigurationError, match=r"loopback alone, not on 0\.0\.0\.0: make one with `tasador keys add"):
        check_start(settings)


def _call(
    console: RunningConsole, path: str, form: dict[str, str] | None = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    connection = HTTPConnection(urlsplit(console.url).netloc, timeout=20)
    given = {"Host": PROXY, "Origin": f"http://{PROXY}", "Content-Type": "application/x-www-form-urlencoded"} | headers
    try:
        connection.request("POST" if form else "GET", path, urlencode(form) if form else None, given)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode(errors="replace")
    finally:
        connection.close()


def test_behind_a_proxy_everything_is_under_its_path(
    redis_url: str, redis_client: redis.Redis, streams: Streams, tmp_path: Path
) -> None:
    key = add_key(redis_client, streams, "ana", "operator")
    settings: Settings = settings_for(streams.prefix, redis_url=SecretStr(redis_url), home=tmp_path)
    with running_console(settings, TASADOR_CONSOLE__PUBLIC_URL=f"http://{PROXY}/tasador") as console:
        status, headers, _ = _call(console, "/tasador/housing")
        assert (status, headers["location"]) == (303, "/tasador/login")
        assert _call(console, "/tasador/login")[0] == 200
        assert _call(console, "/tasador/login", {"key": "tsd_guess"})[0] == 401
        assert _call(console, "/tasador/login", {"key": key}, Origin="http://evil.example")[0] == 403
        status, headers, _ = _call(console, "/tasador/login", {"key": key})
        assert (status, headers["location"]) == (303, "/tasador/")
        cookie, *attributes = headers["set-cookie"].split("; ")
        assert {"HttpOnly", "SameSite=lax", "Path=/tasador/"} <= set(attributes)
        status, _, page = _call(console, "/tasador/housing/models", Cookie=cookie)
        assert status == 200
        assets = set(re.findall(r'(?:src|href)="(/[^"]+)"|url\("(/[^"]+)"\)', page))
        paths = {path for pair in assets for path in pair if path}
        assert len(paths) > 10
        assert {path for path in paths if not path.startswith("/tasador/")} == set()
        assert {path: status for path in paths if (status := _call(console, path, Cookie=cookie)[0]) != 200} == {}
        assert _call(console, "/tasador/nowhere", Cookie=cookie)[0] == 404
        status, _, metrics = _call(console, "/metrics")
        assert status == 200
        assert "process_start_time_seconds" in metrics
        assert _call(console, "/metrics", {"x": "1"})[0] == 405
        assert _call(console, "/housing", Cookie=cookie)[0] == 404
        status, headers, _ = _call(console, "/tasador/logout", {"x": "1"}, Cookie=cookie)
        assert status == 303
        assert _call(console, "/tasador/housing", Cookie=cookie)[0] == 303


async def test_a_page_loses_its_content_with_its_session(
    redis_url: str, redis_client: redis.Redis, streams: Streams
) -> None:
    settings = settings_for(
        streams.prefix, redis_url=SecretStr(redis_url), console=ConsoleSettings(public_url=f"https://{PROXY}")
    )
    shown = ShownDomain.open(settings)
    key = add_key(redis_client, streams, "ana", "operator")
    await shown.keys.read()
    console = Console({"housing": shown})
    request, seen = _request(console.sessions.open(key.encode())), []
    with Client(page(""), request=request) as client:
        Visit(console, shown, "", request).follow(lambda: seen.append("shown"))
        button = ui.button("act")
    await shown.watch.read()
    assert seen == ["shown", "shown"]
    revoke_key(redis_client, streams, "ana")
    await shown.keys.read()
    await shown.watch.read()
    assert seen == ["shown", "shown"]
    assert button.is_deleted
    client.delete()
    await shown.aclose()
