"""Only pages of the console reach it, and a page runs no script but its own."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.responses import HTMLResponse, PlainTextResponse

from console.site_guard import SiteGuard
from schemas.console_settings import ConsoleSettings

PAGE = '<script type="module">1</script><p>page</p><script src="x.js"></script>'
PUBLIC = "https://ops.example.com/tasador"


@dataclass
class GuardedReply:
    """What a guarded application answered."""

    status: int
    headers: dict[str, str]
    text: str


async def _application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    given = dict(scope["headers"]).get(b"x-forwarded-prefix", b"none").decode()
    answer = PlainTextResponse(given) if scope["path"] == "/prefix" else HTMLResponse(PAGE)
    await answer(scope, receive, send)


def _call(
    method: str = "GET", path: str = "/", public_url: str | None = None, kind: str = "http", **headers: str
) -> GuardedReply:
    sent: list[Any] = []
    given = {"host": "localhost:8080"} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }

    async def receive() -> Any:
        return {"type": f"{kind}.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(SiteGuard(_application, ConsoleSettings(public_url=public_url))(scope, receive, send))
    if kind == "websocket":
        return GuardedReply(101 if sent[0]["type"] == "websocket.accept" else 403, {}, "")
    found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return GuardedReply(sent[0]["status"], found, b"".join(each["body"] for each in sent[1:]).decode())


def test_scripts_of_a_page_carry_the_nonce_of_its_policy() -> None:
    answer = _call()
    policy = answer.headers["content-security-policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy)
    assert nonce is not None
    assert answer.text.count(f'<script nonce="{nonce[1]}"') == 2
    assert int(answer.headers["content-length"]) == len(answer.text)
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]
    assert "frame-ancestors 'none'" in policy
    assert nonce[1] not in _call().text


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "10.0.0.7:8080", "", "[::1"])
def test_a_foreign_name_of_this_machine_reaches_nothing(host: str) -> None:
    assert _call(host=host).status == 403
    # a probe of Kubernetes names the address of the pod
    assert _call(path="/livez", host=host).status == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:9999", "null", "", "https://ops.example.com.evil.example"]
)
def test_a_foreign_page_can_neither_post_nor_connect(origin: str) -> None:
    for public_url in (None, PUBLIC):
        assert _call("POST", origin=origin, public_url=public_url).status == 403
        assert _call(kind="websocket", origin=origin, public_url=public_url).status == 403


def test_own_pages_post_and_connect() -> None:
    assert _call("POST", origin="http://localhost:8080").status == 200
    assert _call(kind="websocket", origin="http://localhost:8080").status == 101


def test_behind_a_proxy_its_address_is_the_only_other_one() -> None:
    host = "ops.example.com"
    assert _call("POST", public_url=PUBLIC, host=host, origin="https://ops.example.com").status == 200
    assert _call("POST", public_url=PUBLIC, host=host, origin="http://ops.example.com").status == 403
    assert _call(public_url=PUBLIC, host="other.example.com").status == 403
    assert _call(path="/prefix", public_url=PUBLIC, host=host, x_forwarded_prefix="/evil").text == "none"


def test_updates_come_by_websocket_alone() -> None:
    assert _call(path="/_nicegui_ws/socket.io/").status == 403


@pytest.mark.parametrize("address", ["ops.example.com", "ftp://ops.example.com", "https://", "https://a.example/?q=1"])
def test_a_public_address_without_scheme_or_host_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="public_url"):
        ConsoleSettings(public_url=address)
