"""Redis addresses: which URLs and options are supported, and how a URL may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from schemas.errors import ConfigurationError

OPTIONS = ("client_name", "db", "password", "username")
"""Options of a URL that change nothing the product relies on; those of TLS are supported beside them."""

_TLS = "ssl_"
_PASSWORD_OPTION = re.compile(r"([?&](?:ssl_)?password=)[^&]*")


def client_options(url: str, timeout_s: float) -> dict[str, Any]:
    """Options for a client of redis-py, beside the URL.

    Raises:
        ConfigurationError: the scheme is unknown, or the URL has an option that is not supported.
    """
    with reading_url(url):
        parts = urlsplit(url)
        given = parse_qs(parts.query, keep_blank_values=True)
        _ = parts.port
    for option in given:
        if option.startswith(_TLS) and parts.scheme != "rediss":
            raise ConfigurationError(f"{without_password(url)!r}: the option {option} is for TLS: use rediss://")
        if not option.startswith(_TLS) and option not in OPTIONS:
            supported = ", ".join((*OPTIONS, f"{_TLS}…"))
            raise ConfigurationError(
                f"{without_password(url)!r}: the option {option} is not supported; supported are {supported}"
            )
    # with RESP2, replies are the same on every supported server
    options: dict[str, Any] = {"protocol": 2, "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    return options if parts.scheme == "unix" else options | {"socket_keepalive": True}


@contextmanager
def reading_url(url: str) -> Iterator[None]:
    """Turn an error in a URL into one line that shows no part of its password.

    Raises:
        ConfigurationError: the URL is no Redis URL.
    """
    try:
        yield
    except (ValueError, TypeError) as error:
        # the error's own text may quote the password
        shown = without_password(url)
        raise ConfigurationError(
            f"{shown!r} is no Redis URL: use redis://, rediss:// or unix://, and quote #, / and ? in a password as "
            "%23, %2F and %3F"
        ) from error


def without_password(url: str) -> str:
    """The URL with its passwords masked."""
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    credentials, at, address = rest.rpartition("@")
    user = credentials.partition(":")[0]
    address = _PASSWORD_OPTION.sub(r"\1***", address)
    return f"{scheme}{separator}{user + ':***' if at else ''}{at}{address}"
