"""The console itself: its domains, its sessions, and who looks at a page."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from console.sessions import Sessions
from console.shown_domain import ShownDomain
from operations.keys import ApiKey
from service.loopback import is_loopback

COOKIE = "tasador_session"


class Console:
    """What all pages share.

    Args:
        domains: the shown domains by name; the first one is shown at `/`.

    Attributes:
        domains: as given.
        path: under which the pages are served, without a final slash.
        is_secure: whether browsers come by HTTPS.
        session_s: how long a session lasts.
        sessions: of the browsers.
    """

    def __init__(self, domains: Mapping[str, ShownDomain]) -> None:
        first = next(iter(domains.values())).settings
        self.domains = domains
        console = first.console
        self.path = console.path
        self.is_secure = console.is_secure
        self.session_s = console.session_hours * 3600
        self.sessions = Sessions({name: shown.keys for name, shown in domains.items()}, self.session_s)
        is_local = is_loopback(first.host) and console.public_url is None
        self._is_open = is_local or console.read_without_key

    def caller(self, request: Request, domain: str) -> ApiKey | None:
        """Who sent a request, as far as a domain knows; None without a session for it."""
        return self.sessions.caller(request.cookies.get(COOKIE), domain)

    def may_read(self, request: Request, domain: str) -> bool:
        """Whether a request may see a domain."""
        return self._is_open or self.caller(request, domain) is not None

    def operator(self, request: Request, domain: str) -> str | None:
        """The name of the operator who sent a request; None if its sender may only read."""
        caller = self.caller(request, domain)
        return caller.name if caller is not None and caller.role == "operator" else None
