"""One browser's visit to a page: which domain it shows, and what its sender may do now."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nicegui import ui
from starlette.requests import Request

from console.console import Console
from console.shown_domain import ShownDomain

THEME_COOKIE = "tasador_theme"


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that a browser has open.

    Attributes:
        console: what is shown.
        shown: the page's domain.
        view: the page's path within its domain; empty for the first view.
        request: that opened the page; its session is looked up anew for every action.
    """

    console: Console
    shown: ShownDomain
    view: str
    request: Request

    @property
    def name(self) -> str:
        """The domain's name."""
        return self.shown.domain.name

    @property
    def operator(self) -> str | None:
        """The operator who sees the page; None if its sender may only read."""
        return self.console.operator(self.request, self.name)

    @property
    def is_dark(self) -> bool | None:
        """The theme that the browser chose; None where it follows the system."""
        return {"dark": True, "light": False}.get(self.request.cookies.get(THEME_COOKIE, ""))

    def address(self, view: str = "", domain: str | None = None) -> str:
        """The path of a view, of this domain or another one."""
        return "/".join((self.console.path, domain or self.name, *([view] if view else [])))

    def follow(self, show: Callable[[], None]) -> None:
        """Call `show` now, and after each reading for as long as the page is open and may be seen.

        A page whose session has ended loses its content, and so everything that its browser could still ask for.
        """
        client = ui.context.client

        def show_if_permitted() -> None:
            if self.console.may_read(self.request, self.name):
                show()
            else:
                client.open(f"{self.console.path}/login")
                client.content.clear()

        client.on_delete(self.shown.watch.subscribe(show_if_permitted))
        show()
