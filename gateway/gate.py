"""Who may call: the key of a request, its role and its rate, and what a browser may do where no key is needed."""

from __future__ import annotations

from functools import lru_cache
from urllib.parse import urlsplit

from gateway.bodies import Headers
from gateway.problems import problem
from gateway.request_limit import RequestLimit
from operations.keys import LOCAL_CALLER, ApiKey, KeyRing
from service.loopback import LOOPBACK_NAMES

_BEARER = b"bearer "


class RequestGate:
    """Admits the requests of one domain.

    Args:
        keys: of the domain.
        limit: of requests by key.
    """

    def __init__(self, keys: KeyRing, limit: RequestLimit) -> None:
        self._keys = keys
        self._limit = limit

    def admit_at_once(self, headers: Headers) -> ApiKey | None:
        """The caller; None if its requests are counted, or if `admit` would refuse this one for want of a key.

        Raises:
            HttpProblemError: (403) a page of another site called.
        """
        if self._keys.is_open:
            _check_site(headers)
            return LOCAL_CALLER
        if self._limit.is_on or (key := _key_in(headers)) is None:
            return None
        return self._keys.find(key)

    async def admit(self, headers: Headers) -> ApiKey:
        """The caller.

        Raises:
            HttpProblemError: (401) the key is missing or unknown, (403) a page of another site called, (429) too often,
                (503) the keys are not known yet.
        """
        if not self._keys.is_read:
            raise problem(503, "starting", "the gateway has not read its API keys yet", retry_after_s=1)
        if self._keys.is_open:
            _check_site(headers)
            return LOCAL_CALLER
        if (key := _key_in(headers)) is None:
            raise problem(401, "no_key", "the request has no API key: send it in the header X-API-Key")
        if (caller := self._keys.find(key)) is None:
            raise problem(401, "unknown_key", "the API key is not known here, or was revoked")
        await self._limit.count(caller.name)
        return caller


def check_operator(caller: ApiKey) -> None:
    """Check that a caller may change what the system does.

    Raises:
        HttpProblemError: (403) it may not.
    """
    if caller.role != "operator":
        raise problem(403, "not_operator", f"the key {caller.name} has the role client; this takes an operator's key")


def _key_in(headers: Headers) -> bytes | None:
    if key := headers.get(b"x-api-key"):
        return key
    given = headers.get(b"authorization", b"")
    return given[len(_BEARER) :].strip() if given.lower().startswith(_BEARER) else None


def _check_site(headers: Headers) -> None:
    """Without keys, a web page that the user opens must not reach the gateway of this machine through the browser."""
    host = _name_of(headers.get(b"host", b""))
    if host and host not in LOOPBACK_NAMES:
        raise problem(403, "foreign_host", "without keys, only localhost is answered: `tasador keys add` makes one")
    origin = headers.get(b"origin")
    if origin is not None and origin != b"null" and _name_of(origin.partition(b"://")[2]) in LOOPBACK_NAMES:
        return
    if origin is not None or headers.get(b"sec-fetch-site") in {b"cross-site", b"same-site"}:
        raise problem(403, "foreign_site", "without keys, no web page of another site is answered")


@lru_cache(maxsize=64)
def _name_of(address: bytes) -> str:
    try:
        return urlsplit(f"//{address.decode('latin-1')}").hostname or ""
    except ValueError:
        return "invalid"
