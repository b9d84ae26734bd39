"""Redis addresses: which URLs and options are supported, and how a URL may be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, parse_qsl, unquote, urlsplit

from schemas.errors import ConfigurationError

PORT, SENTINEL_PORT = 6379, 26379
SENTINEL_SCHEMES = ("redis+sentinel", "rediss+sentinel")
CLUSTER_SCHEMES = ("redis+cluster", "rediss+cluster")
SCHEMES = ("redis", "rediss", "unix", *SENTINEL_SCHEMES, *CLUSTER_SCHEMES)
OPTIONS = ("client_name", "db", "password", "username")
"""Options of a URL that change nothing the product relies on."""
SENTINEL_OPTIONS = ("sentinel_password", "sentinel_username")
"""Options for the Sentinels themselves; the user of the URL is that of Redis."""
TLS_OPTIONS = (
    "ssl_ca_certs",
    "ssl_ca_data",
    "ssl_ca_path",
    "ssl_cert_reqs",
    "ssl_certfile",
    "ssl_check_hostname",
    "ssl_ciphers",
    "ssl_keyfile",
    "ssl_password",
)
"""Options of TLS that redis-py's synchronous and asynchronous clients both have."""

_TLS_FILES = ("ssl_ca_certs", "ssl_ca_path", "ssl_certfile", "ssl_keyfile")
_CERT_REQS = ("none", "optional", "required")
_DATABASE = re.compile(r"/?\d*")
_MASTER = re.compile(r"/[\w.-]+(?:/\d*)?", re.ASCII)
_CLIENT_NAME = re.compile(r"[!-~]*")
# up to the next option that is supported, because the password may hold an unquoted &
_PASSWORD_OPTION = re.compile(
    rf"([?&](?:ssl_|sentinel_)?password=).*?(?=&(?:{'|'.join((*OPTIONS, *TLS_OPTIONS, *SENTINEL_OPTIONS))})=|$)",
    re.DOTALL,
)


def client_options(url: str, timeout_s: float) -> dict[str, Any]:
    """Options for a client of redis-py, beside the URL.

    Raises:
        ConfigurationError: the URL is no Redis URL, or has an option that is not supported or has a wrong value.
    """
    with reading_url(url):
        parts = urlsplit(url)
        given = parse_qs(parts.query, keep_blank_values=True)
        _check_parts(url, parts)
    for option in given:
        tls = "rediss" + "".join(parts.scheme.partition("+")[1:])
        if option in TLS_OPTIONS and not parts.scheme.startswith("rediss"):
            raise ConfigurationError(f"{without_password(url)!r}: the option {option} is for TLS: use {tls}://")
        if option in SENTINEL_OPTIONS and parts.scheme not in SENTINEL_SCHEMES:
            raise ConfigurationError(
                f"{without_password(url)!r}: the option {option} is for Sentinel: use redis+sentinel://"
            )
        if option not in OPTIONS + TLS_OPTIONS + SENTINEL_OPTIONS:
            # what follows a password may be its second part
            name = "an option" if "password" in parts.query else f"the option {option}"
            raise ConfigurationError(
                f"{without_password(url)!r}: {name} is not supported; supported are {', '.join(OPTIONS)}, with "
                f"Sentinel {', '.join(SENTINEL_OPTIONS)}, and with TLS {', '.join(TLS_OPTIONS)}; "
                "quote & in a value as %26"
            )
    for option, (value, *_) in given.items():
        if problem := _problem_of(option, value, parts.scheme):
            raise ConfigurationError(f"{without_password(url)!r}: the option {option} {problem}")
    # with RESP2, replies are the same on every supported server
    options: dict[str, Any] = {"protocol": 2, "socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    return options if parts.scheme == "unix" else options | {"socket_keepalive": True}


def _check_parts(url: str, parts: SplitResult) -> None:
    """Raise a ValueError for parts that redis-py would ignore or, as those of an unquoted password, misread."""
    if not url.startswith(tuple(f"{scheme}://" for scheme in SCHEMES)):
        raise ValueError("unknown scheme")
    if parts.scheme in SENTINEL_SCHEMES:
        is_address = bool(nodes_of(url) and _MASTER.fullmatch(parts.path))
    elif parts.scheme in CLUSTER_SCHEMES:
        is_address = bool(nodes_of(url)) and parts.path in {"", "/", "/0"}
    elif parts.scheme == "unix":
        is_address = bool(parts.path) and not parts.hostname
    else:
        _ = parts.port
        is_address = bool(_DATABASE.fullmatch(parts.path)) and "," not in (parts.hostname or "")
    if parts.fragment or "@" in parts.query or not is_address:
        raise ValueError("not an address")


def is_sentinel(url: str) -> bool:
    """Whether a URL names Sentinels, which know the master."""
    return url.startswith(tuple(f"{scheme}://" for scheme in SENTINEL_SCHEMES))


def is_cluster(url: str) -> bool:
    """Whether a URL names nodes of a cluster."""
    return url.startswith(tuple(f"{scheme}://" for scheme in CLUSTER_SCHEMES))


def is_tls(url: str) -> bool:
    """Whether connections are encrypted."""
    return url.startswith("rediss")


def nodes_of(url: str) -> list[tuple[str, int]]:
    """Host and port of each Sentinel, or of each node that a URL of a cluster names.

    Raises:
        ValueError: one of them is not valid.
    """
    parts = urlsplit(url)
    port = SENTINEL_PORT if parts.scheme in SENTINEL_SCHEMES else PORT
    nodes = [urlsplit(f"//{node}") for node in parts.netloc.rpartition("@")[2].split(",")]
    if not all(node.hostname for node in nodes):
        raise ValueError("a host is missing")
    return [(node.hostname or "", port if node.port is None else node.port) for node in nodes]


def master_of(url: str) -> str:
    """The name of the master in a URL of Sentinels."""
    return urlsplit(url).path.split("/")[1]


def node_options(url: str) -> dict[str, Any]:
    """Options of redis-py for one node of a cluster, or for a master, without host and port."""
    parts = urlsplit(url)
    credentials, at, _ = parts.netloc.rpartition("@")
    database = "".join(parts.path.split("/")[2:]) if parts.scheme in SENTINEL_SCHEMES else ""
    query = "&".join(each for each in parts.query.split("&") if not each.startswith("sentinel_"))
    from redis.connection import parse_url  # what only shows an address needs no client

    options: dict[str, Any] = parse_url(f"redis://{credentials}{at}/{database}?{query}")  # type: ignore[no-untyped-call]
    return options | ({"ssl": True} if is_tls(url) else {})


def sentinel_options(url: str) -> dict[str, Any]:
    """Options of redis-py for one Sentinel, without host and port; the user is not that of Redis."""
    parts = urlsplit(url)
    tls = {name: value for name, value in node_options(url).items() if name.startswith("ssl")}
    given = parse_qsl(parts.query)
    return tls | {name.removeprefix("sentinel_"): value for name, value in given if name in SENTINEL_OPTIONS}


def without_credentials(url: str) -> str:
    """The URL without user, password and options, for descriptions."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _problem_of(option: str, value: str, scheme: str) -> str:
    """What is wrong with an option's value; empty if nothing is."""
    if option == "db" and not value.isdecimal():
        return "must be a number"
    if option == "db" and scheme in CLUSTER_SCHEMES and int(value):
        return "must be 0: a cluster has one database"
    if option == "client_name" and not _CLIENT_NAME.fullmatch(value):
        return "must not contain blanks or special characters"
    if option == "ssl_cert_reqs" and value not in _CERT_REQS:
        return f"must be one of {', '.join(_CERT_REQS)}"
    if option in _TLS_FILES and not Path(value).exists():
        return f"names {value}, which does not exist"
    return ""


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
            f"{shown!r} is no Redis URL: use redis://host:port/db, rediss://host:port/db, unix:///path?db=0, "
            "redis+sentinel://host:port,host:port/name/db or redis+cluster://host:port,host:port, and quote #, /, ? "
            "and @ in a password as %23, %2F, %3F and %40"
        ) from error


def without_password(url: str) -> str:
    """The URL with its passwords masked."""
    scheme, separator, rest = url.partition("://") if "://" in url else ("", "", url)
    option = _PASSWORD_OPTION.search(rest)
    if option and "@" in option[0]:
        # the option may itself be a part of a password before the @
        return f"{scheme}{separator}***"
    credentials, at, address = rest.rpartition("@")
    user, colon, _ = credentials.partition(":")
    # a name without a password may be a password whose colon was forgotten
    shown = f"{user}:***" if colon else "***" if at else ""
    return f"{scheme}{separator}{shown}{at}" + _PASSWORD_OPTION.sub(r"\1***", address)


def passwords_of(url: str) -> set[str]:
    """The passwords in a URL, as they are written there and as they are sent."""
    credentials, _, address = url.partition("://")[2].rpartition("@")
    options = parse_qsl(address.partition("?")[2])
    written = {credentials.partition(":")[2], *(value for name, value in options if name.endswith("password"))}
    return {form for each in written if each for form in (each, unquote(each))}
