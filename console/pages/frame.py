"""What every page has around its view: the header with domains, views, login and theme."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from markupsafe import Markup
from nicegui import ui
from nicegui.elements.dark_mode import DarkMode

from console.pages.texts import LiveHtml, html
from console.pages.visit import THEME_COOKIE, Visit

VIEWS = {"": "Now", "models": "Models", "data": "Data", "listing": "One listing", "dead-letters": "Dead letters"}
"""The views by path."""
_THEMES: tuple[tuple[bool | None, str, str], ...] = (
    (None, "system", "Theme: as the system"),
    (True, "dark", "Theme: dark"),
    (False, "light", "Theme: light"),
)


@contextmanager
def frame(visit: Visit) -> Iterator[None]:
    """Draw the header; what is drawn inside is the view."""
    title = VIEWS[visit.view]
    ui.page_title(f"{title}, {visit.name}: Tasador")
    dark = ui.dark_mode(visit.is_dark)
    html(Markup('<a href="#view">Skip to the view</a>'), classes="skip")
    with ui.element("header").classes("top").props("role=banner"):
        html(_brand(visit), classes="brand")
        html(_views(visit), tag="nav", classes="views")
        with ui.element("div").classes("who"):
            _theme_button(visit, dark)
            html(_login(visit))
    notice = LiveHtml(classes="notice")
    visit.follow(lambda: notice.show(_notice(visit)))
    # NiceGUI puts every page into a <main>
    with ui.element("div").props('id="view" tabindex="-1"').classes("view"):
        html(Markup("{}").format(title), tag="h1")
        yield


def _brand(visit: Visit) -> Markup:
    domains = Markup("").join(
        Markup('<a href="{}"{}>{}</a>').format(
            visit.address(visit.view, name), Markup(' aria-current="true"') if name == visit.name else "", name
        )
        for name in visit.console.domains
    )
    return Markup('<span class="name">Tasador</span><nav aria-label="Domains">{}</nav>').format(domains)


def _views(visit: Visit) -> Markup:
    return Markup("").join(
        Markup('<a href="{}"{}>{}</a>').format(
            visit.address(view), Markup(' aria-current="page"') if view == visit.view else "", title
        )
        for view, title in VIEWS.items()
    )


def _login(visit: Visit) -> Markup:
    caller = visit.console.caller(visit.request, visit.name)
    if caller is None:
        return Markup('<a class="act" href="{}/login">Log in</a>').format(visit.console.path)
    return Markup(
        '<form method="post" action="{}/logout"><span class="user">{} ({})</span> '
        '<button class="act" type="submit">Log out</button></form>'
    ).format(visit.console.path, caller.name, caller.role)


def _theme_button(visit: Visit, dark: DarkMode) -> None:
    order = [value for value, _, _ in _THEMES]

    def turn() -> None:
        value, name, label = _THEMES[(order.index(dark.value) + 1) % len(_THEMES)]
        dark.value = value
        button.set_text(label)
        ui.run_javascript(
            f'document.cookie = "{THEME_COOKIE}={name}; path={visit.console.path}/; max-age=31536000; samesite=lax"'
        )

    button = ui.button(_THEMES[order.index(visit.is_dark)][2], on_click=turn, color=None)
    button.props("unelevated no-caps").classes("act")


def _notice(visit: Visit) -> Markup:
    """What is wrong with what is shown."""
    watch = visit.shown.watch
    if watch.problem is None:
        return Markup("")
    old = "nothing has been read yet" if watch.state is None else "what you see is the last reading"
    return Markup('<p role="alert" class="problem">{}; {}.</p>').format(watch.problem, old)
