"""Logging in with an API key, and out: plain forms without scripts."""

from __future__ import annotations

from urllib.parse import parse_qs

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader
from starlette.requests import Request

from console.console import COOKIE, Console

_MAX_BODY = 4096
_TEMPLATES = Environment(loader=PackageLoader("console", "templates"), autoescape=True)


def login_routes(console: Console) -> APIRouter:
    """`/login` and `/logout`; `SiteGuard` admits posts of the console's own pages alone."""
    router = APIRouter(include_in_schema=False)

    @router.get("/login")
    def show_form() -> HTMLResponse:
        return _form(console)

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        key = await _key_in(request)
        if not console.sessions.are_keys_known:
            return _form(console, "The console has not read its API keys yet: try again in a second.", 503)
        token = console.sessions.open(key, request.cookies.get(COOKIE)) if key else None
        if token is None:
            return _form(console, "No domain of this console knows this key, or it was revoked.", 401)
        answer = RedirectResponse(f"{console.path}/", 303)
        answer.set_cookie(
            COOKIE,
            token,
            path=f"{console.path}/",
            httponly=True,
            samesite="lax",
            secure=console.is_secure,
            max_age=int(console.session_s),
        )
        return answer

    @router.post("/logout")
    def log_out(request: Request) -> Response:
        if token := request.cookies.get(COOKIE):
            console.sessions.close(token)
        answer = RedirectResponse(f"{console.path}/login", 303)
        answer.delete_cookie(COOKIE, path=f"{console.path}/")
        return answer

    return router


async def _key_in(request: Request) -> bytes:
    """The key of a form; empty if there is none, or the form is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            return b""
    return (parse_qs(body).get(b"key") or [b""])[0].strip()


def _form(console: Console, problem: str = "", status: int = 200) -> HTMLResponse:
    page = _TEMPLATES.get_template("login.html").render(
        path=console.path, problem=problem, domain=next(iter(console.domains))
    )
    return HTMLResponse(page, status, {"Cache-Control": "no-store"})
