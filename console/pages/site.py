"""The addresses of the pages."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import HTTPException
from fastapi.responses import RedirectResponse, Response
from nicegui import ui
from starlette.requests import Request

from console.console import Console
from console.pages.data import DataView
from console.pages.frame import frame
from console.pages.letters import LettersView
from console.pages.listing import show_listing
from console.pages.models import ModelsView
from console.pages.now import show_now
from console.pages.visit import Visit

_SHOW: dict[str, Callable[[Visit], object]] = {
    "": show_now,
    "models": ModelsView,
    "data": DataView,
    "listing": show_listing,
    "dead-letters": LettersView,
}


def register_pages(console: Console) -> None:
    """Register every page with NiceGUI."""
    ui.add_head_html(f'<link rel="stylesheet" href="{console.path}/console.css">', shared=True)

    def show(request: Request, domain: str, view: str) -> Response | None:
        shown = console.domains.get(domain)
        if shown is None or view not in _SHOW:
            raise HTTPException(404)
        if not console.may_read(request, domain):
            return RedirectResponse(f"{console.path}/login", 303)
        visit = Visit(console, shown, view, request)
        with frame(visit):
            _SHOW[view](visit)
        return None

    @ui.page("/")
    def first_page(request: Request) -> Response | None:
        return show(request, next(iter(console.domains)), "")

    @ui.page("/{domain}")
    def domain_page(request: Request, domain: str) -> Response | None:
        return show(request, domain, "")

    @ui.page("/{domain}/{view}")
    def view_page(request: Request, domain: str, view: str) -> Response | None:
        return show(request, domain, view)
